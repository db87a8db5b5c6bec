import pLimit from 'p-limit';
import {isLabelled} from '../../data/split.ts';
import type {Knowledge, StoredKnowledge} from '../../knowledge/knowledge.ts';
import type {Method} from '../../recipe/recipe.ts';
import {failureOf} from '../failure.ts';
import type {Trial, Tuning} from '../results.ts';
import type {Study} from '../study.ts';
import {type Rung, rungsOf, successiveHalving} from './halving.ts';
import {fingerprintOfTrials, KeptTrials, trialsPath} from './kept-trials.ts';
import {type Setting, settingsOf} from './settings.ts';
import type {OnShare, TrialOutcome} from './trial.ts';

/** How trials are made, in this process or in others, and who hears of them. */
export interface TrialOptions {
  /** How many may be under way at once. */
  readonly concurrency: number;
  /** @throws LimbeckError where the training came to nothing */
  readonly trial: (setting: Setting, epochs: number, onShare: OnShare) => Promise<TrialOutcome>;
  /** @param done - how many trials; those under way count by their part */
  readonly onProgress: (done: number) => void;
}

/** Settings, by their places, of which one is chosen, and the rungs by which it is. */
export interface Bracket {
  readonly places: readonly number[];
  readonly rungs: readonly Rung[];
}

/**
 * The brackets by which a method is tuned: one for each temperature, since a student learns the more slowly the softer its
 * targets are, and settings of different temperatures can't be told apart before the end. What halving spares is epochs of
 * the weights.
 */
export function bracketsOf({recipe}: Pick<Study, 'recipe'>, method: Method): readonly Bracket[] {
  const {reduction = 3} = method.tune === true ? {} : (method.tune ?? {});
  const settings = settingsOf(method);
  const temperatures = [...new Set(settings.map(({temperature}) => temperature))];
  const finalists = temperatures.length > 1 ? 1 : reduction;
  return temperatures.map(temperature => {
    const places = [...settings.keys()].filter(place => settings[place]!.temperature === temperature);
    return {places, rungs: rungsOf(places.length, {epochs: recipe.training.epochs, reduction, finalists})};
  });
}

/** How many trials tune a method. */
export function trialCount(study: Pick<Study, 'recipe'>, method: Method): number {
  const rungs = bracketsOf(study, method).flatMap(bracket => bracket.rungs);
  return rungs.reduce((sum, {count}) => sum + count, 0);
}

/**
 * Chooses T and λ of a method's losses, see `Method.tune`. Trials that an earlier run of the same study made are not made
 * again.
 *
 * @returns undefined where not one trial came to an end
 * @throws InputError where the method has nothing to choose
 */
export async function tuneMethod(
  study: Study,
  method: Method,
  knowledge: Knowledge | StoredKnowledge,
  options: TrialOptions,
): Promise<Tuning | undefined> {
  const settings = settingsOf(method);
  const fingerprint = await fingerprintOfTrials(study, method, knowledge, settings);
  const kept = await KeptTrials.open(trialsPath(study, method), fingerprint);
  const make = trialMaker(study, settings, kept, options);
  const limit = pLimit(options.concurrency);
  const climbed = await Promise.all(
    bracketsOf(study, method).map(async ({places, rungs}) => {
      const trials: Trial[] = [];
      const best = await successiveHalving(places, rungs, async (rung, epochs) => {
        const made = await limit.map(rung, place => make(place, epochs));
        trials.push(...made);
        return made.map(({score}) => score ?? Number.NEGATIVE_INFINITY);
      });
      return {trials, final: trials.findLast(({setting}) => setting === best)!};
    }),
  );
  const trials = climbed.flatMap(bracket => bracket.trials);
  const finals = climbed.flatMap(({final}) => (final.score === null ? [] : [{...final, score: final.score}]));
  if (finals.length === 0) {
    study.onNote(`Method \`${method.method}\` stays as it is, since no trial came to an end. ${trials[0]!.failure}`);
    return undefined;
  }
  const highest = Math.max(...finals.map(({score}) => score));
  return {
    judgedBy: isLabelled(study.data) ? 'validation accuracy' : 'agreement in cross-validation',
    terms: method.losses.map(({name}) => name),
    chosen: finals.find(({score}) => score === highest)!.setting,
    settings,
    trials,
  };
}

/** Makes a trial of a setting, by its place, unless it is kept. */
function trialMaker(
  study: Study,
  settings: readonly Setting[],
  kept: KeptTrials,
  {trial: run, onProgress}: TrialOptions,
): (place: number, epochs: number) => Promise<Trial> {
  const shares = new Map<string, number>();
  const report = (place: number, epochs: number, share: number) => {
    shares.set(`${place} for ${epochs}`, share);
    onProgress([...shares.values()].reduce((sum, one) => sum + one, 0));
  };
  const make = async (place: number, epochs: number): Promise<Trial> => {
    study.signal?.throwIfAborted();
    const onShare = (share: number) => report(place, epochs, Math.min(share, 0.999));
    const outcome = await run(settings[place]!, epochs, onShare).catch(failureOf(study));
    const trial = {setting: place, epochs, ...('failure' in outcome ? {score: null, curve: [], ...outcome} : outcome)};
    // What failed may do better in another process.
    if (trial.score !== null) await kept.keep(trial);
    return trial;
  };
  return async (place, epochs) => {
    const trial = kept.get(place, epochs) ?? (await make(place, epochs));
    report(place, epochs, 1);
    return trial;
  };
}
