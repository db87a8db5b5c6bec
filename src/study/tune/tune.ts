import pLimit from 'p-limit';
import {isLabelled} from '../../data/split.ts';
import type {Knowledge} from '../../knowledge/knowledge.ts';
import type {Method, Recipe} from '../../recipe/recipe.ts';
import {jobRunner} from '../jobs.ts';
import {type AnsweredMethod, type TunedMethod, tunedMethod} from '../methods.ts';
import type {Trial, Tuning} from '../results.ts';
import type {Study} from '../study.ts';
import {failureOf} from '../training.ts';
import {fingerprintOfTrials, KeptTrials, trialsPath} from './kept-trials.ts';
import {methodAt, type Setting, settingsOf} from './settings.ts';
import {type OnShare, type TrialOutcome, tryOut} from './trial.ts';

/**
 * Tunes those methods of a study that ask for it, one after another. The trials of one method run side by side if the study
 * has worker processes.
 */
export async function tuneMethods(
  study: Study,
  methods: readonly AnsweredMethod<Knowledge>[],
): Promise<readonly TunedMethod<Knowledge>[]> {
  const wanted = methods.filter(({tune}) => tune !== undefined);
  if (wanted.length === 0) return methods.map(method => tunedMethod(method, undefined));
  const total = wanted.reduce((sum, method) => sum + trialCount(study.recipe, method), 0);
  const tell = (done: number) => study.onProgress({task: `tune ${namesOf(wanted.length)}`, done, total});
  // As many as are first under way at once.
  const widest = Math.max(...wanted.map(method => settingsOf(method).length));
  const runner = jobRunner(study, widest);
  const tuned: TunedMethod<Knowledge>[] = [];
  let before = 0;
  tell(0);
  try {
    for (const method of methods) {
      if (method.tune === undefined) {
        tuned.push(tunedMethod(method, undefined));
        continue;
      }
      const found = await tuning(study, method, {
        concurrency: runner.concurrency,
        trial: (setting, epochs, onProgress) =>
          runner.trial({method, setting, epochs}, {onProgress, onNote: study.onNote}),
        onProgress: done => tell(before + done),
      });
      before += trialCount(study.recipe, method);
      tuned.push(tunedMethod(method, found));
    }
    return tuned;
  } finally {
    await runner.close();
  }
}

function namesOf(count: number): string {
  return count === 1 ? '1 method' : `${count} methods`;
}

/** Tunes one method, if it asks for it, in this process. */
export async function tuneHere(study: Study, method: AnsweredMethod): Promise<TunedMethod> {
  if (method.tune === undefined) return tunedMethod(method, undefined);
  const total = trialCount(study.recipe, method);
  const found = await tuning(study, method, {
    concurrency: 1,
    trial: (setting, epochs, onShare) => tryOut(study, methodAt(method, setting), epochs, onShare),
    onProgress: done => study.onProgress({task: `tune ${method.method}`, done, total}),
  });
  return tunedMethod(method, found);
}

/** How trials are made, in this process or in others, and who hears of them. */
interface TrialOptions {
  /** How many may be under way at once. */
  readonly concurrency: number;
  /** @throws LimbeckError if the training came to nothing */
  readonly trial: (setting: Setting, epochs: number, onShare: OnShare) => Promise<TrialOutcome>;
  /** @param done - how many trials; those under way count by their part */
  readonly onProgress: (done: number) => void;
}

/** Settings, by their indices, one of which is chosen, and the rungs that choose it. */
interface Bracket {
  readonly indices: readonly number[];
  readonly rungs: readonly Rung[];
}

/**
 * The brackets by which a method is tuned: one for each temperature, since a student learns the more slowly the softer its
 * targets are, and settings of different temperatures can't be told apart before the end. What halving spares is epochs of
 * the weights.
 */
function bracketsOf({training}: Pick<Recipe, 'training'>, method: Method): readonly Bracket[] {
  const {reduction = 3} = method.tune === true ? {} : (method.tune ?? {});
  const settings = settingsOf(method);
  const temperatures = [...new Set(settings.map(({temperature}) => temperature))];
  const finalists = temperatures.length > 1 ? 1 : reduction;
  return temperatures.map(temperature => {
    const indices = [...settings.keys()].filter(index => settings[index]!.temperature === temperature);
    return {indices, rungs: rungsOf(indices.length, {epochs: training.epochs, reduction, finalists})};
  });
}

/** How many trials tune a method. */
function trialCount(recipe: Pick<Recipe, 'training'>, method: Method): number {
  const rungs = bracketsOf(recipe, method).flatMap(bracket => bracket.rungs);
  return rungs.reduce((sum, {count}) => sum + count, 0);
}

/**
 * Chooses T and λ of a method's losses, see `Method.tune`. Trials that an earlier run of the same study made are not made
 * again.
 *
 * @returns undefined if not one trial came to an end
 * @throws InputError if the method has nothing to choose
 */
async function tuning(study: Study, method: AnsweredMethod, options: TrialOptions): Promise<Tuning | undefined> {
  const settings = settingsOf(method);
  const fingerprint = await fingerprintOfTrials(study, method, settings);
  const kept = await KeptTrials.open(trialsPath(study, method), fingerprint);
  const make = trialMaker(study, settings, kept, options);
  const limit = pLimit(options.concurrency);
  const climbed = await Promise.all(
    bracketsOf(study.recipe, method).map(async ({indices, rungs}) => {
      const trials: Trial[] = [];
      const best = await successiveHalving(indices, rungs, async (rung, epochs) => {
        const made = await limit.map(rung, index => make(index, epochs));
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
    judgedBy: isLabelled(study.recipe.data) ? 'validation accuracy' : 'agreement in cross-validation',
    terms: method.losses.map(({name}) => name),
    chosen: finals.find(({score}) => score === highest)!.setting,
    settings,
    trials,
  };
}

/** Makes a trial of a setting, by its index, unless it is kept. */
function trialMaker(
  study: Study,
  settings: readonly Setting[],
  kept: KeptTrials,
  {trial: run, onProgress}: TrialOptions,
): (index: number, epochs: number) => Promise<Trial> {
  const shares = new Map<string, number>();
  const report = (index: number, epochs: number, share: number) => {
    shares.set(`${index} for ${epochs}`, share);
    onProgress([...shares.values()].reduce((sum, one) => sum + one, 0));
  };
  const make = async (index: number, epochs: number): Promise<Trial> => {
    study.signal?.throwIfAborted();
    const onShare = (share: number) => report(index, epochs, Math.min(share, 0.999));
    const outcome = await run(settings[index]!, epochs, onShare).catch(failureOf(study));
    const trial = {setting: index, epochs, ...('failure' in outcome ? {score: null, curve: [], ...outcome} : outcome)};
    // A trial that failed may do better in another process.
    if (trial.score !== null) await kept.keep(trial);
    return trial;
  };
  return async (index, epochs) => {
    const trial = kept.get(index, epochs) ?? (await make(index, epochs));
    report(index, epochs, 1);
    return trial;
  };
}

/** One round of successive halving: so many candidates, each trained for so many epochs. */
interface Rung {
  readonly count: number;
  readonly epochs: number;
}

interface RungOptions {
  /** Those of the last rung. */
  readonly epochs: number;
  /** η, 2 or more. */
  readonly reduction: number;
  /** The most candidates that may be left for the last rung. */
  readonly finalists: number;
}

/**
 * The rungs by which few of many candidates come to be trained for all epochs: each keeps one in `reduction` of the rung
 * before, rounded up, and gives it `reduction` times the epochs. Fewer if there are too few epochs to tell rungs apart.
 *
 * A bracket of Li et al. (2018), Hyperband, section 3: with one finalist 81, 27, 9, 3 and 1 candidates for 1, 3, 9, 27 and
 * 81 epochs; its rule is successive halving, Jamieson and Talwalkar (2016), Non-stochastic Best Arm Identification and
 * Hyperparameter Optimization, algorithm 1, with η in place of their 2.
 */
export function rungsOf(candidates: number, {epochs, reduction, finalists}: RungOptions): readonly Rung[] {
  let rounds = 1;
  for (let count = candidates; count > finalists; count = Math.ceil(count / reduction)) rounds++;
  const budgets = Array.from({length: rounds}, (_, round) =>
    Math.max(1, Math.round(epochs / reduction ** (rounds - 1 - round))),
  );
  let count = candidates;
  return [...new Set(budgets)].map((budget, index) => {
    if (index > 0) count = Math.ceil(count / reduction);
    return {count, epochs: budget};
  });
}

/** The scores of candidates at so many epochs; higher is better. */
type ScoreAll = (candidates: readonly number[], epochs: number) => Promise<readonly number[]>;

/**
 * Climbs the rungs with the candidates that score best, and returns the best one of the last rung. Of those that score
 * alike the one that stands first goes before.
 */
export async function successiveHalving(
  candidates: readonly number[],
  rungs: readonly Rung[],
  scoreAll: ScoreAll,
): Promise<number> {
  let standing = candidates;
  for (const {count, epochs} of rungs) {
    const inOrder = candidates.filter(candidate => standing.slice(0, count).includes(candidate));
    const scores = new Map((await scoreAll(inOrder, epochs)).map((score, index) => [inOrder[index]!, score]));
    standing = inOrder.toSorted((one, other) => compared(scores.get(other)!, scores.get(one)!));
  }
  return standing[0]!;
}

/** -Infinity less itself is no number. */
function compared(one: number, other: number): number {
  return one === other ? 0 : one - other;
}
