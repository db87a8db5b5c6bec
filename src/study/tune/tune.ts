import pLimit from 'p-limit';
import {isLabelled} from '../../data/split.ts';
import {countOf, type Knowledge, type StoredKnowledge} from '../../knowledge/knowledge.ts';
import {type Setting, settingsOf} from '../../recipe/settings.ts';
import type {JobRunner} from '../jobs.ts';
import {type AnsweredMethod, changed, type Trial, type TunedMethod, type Tuning, tunedMethod} from '../methods.ts';
import type {Study} from '../study.ts';
import {failureOf} from '../training.ts';
import {type OpenRunner, openRunner} from '../workers.ts';
import {fingerprintOfTrials, KeptTrials, trialsPath} from './trial.ts';

/**
 * Tunes those methods of a study that ask for it, one after another. The trials of one method run side by side if the study
 * has worker processes.
 *
 * @param open - opens what tries
 */
export async function tuneMethods<K extends Knowledge | StoredKnowledge>(
  study: Study,
  methods: readonly AnsweredMethod<K>[],
  open: OpenRunner = openRunner,
): Promise<readonly TunedMethod<K>[]> {
  const planned = methods.map(method => ({method, plan: planOf(study, method)}));
  const wanted = planned.flatMap(({plan}) => plan ?? []);
  if (wanted.length === 0) return methods.map(method => tunedMethod(method, undefined));
  const task = `tune ${wanted.length === 1 ? wanted[0]!.method : `${wanted.length} methods`}`;
  const total = wanted.reduce((sum, {trials}) => sum + trials, 0);
  let before = 0;
  const tell = (done: number) => study.onProgress({task, done: before + done, total});
  // As many as are first under way at once.
  const runner = open(study, Math.max(...wanted.map(({settings}) => settings.length)));
  const tuned: TunedMethod<K>[] = [];
  tell(0);
  try {
    for (const {method, plan} of planned) {
      const found = plan && (await tuning(study, method, plan, {runner, onProgress: tell}));
      before += plan?.trials ?? 0;
      tuned.push(tunedMethod(method, found));
    }
    return tuned;
  } finally {
    await runner.close();
  }
}

/** What is tried to tune a method. */
interface TuningPlan {
  /** The name of the method. */
  readonly method: string;
  readonly settings: readonly Setting[];
  readonly brackets: readonly Bracket[];
  /** How many trials that makes. */
  readonly trials: number;
}

/** Settings, by their indices, one of which is chosen, and the rungs that choose it. */
interface Bracket {
  readonly indices: readonly number[];
  readonly rungs: readonly Rung[];
}

/**
 * What is tried to tune a method; undefined if it is not tuned. There is a bracket for each temperature, since a student
 * learns the more slowly the softer its targets are, and settings of different temperatures can't be told apart before the
 * end. What halving spares is epochs of the weights.
 */
function planOf({trainer}: Study, method: AnsweredMethod): TuningPlan | undefined {
  const {tune, knowledge, apart} = method;
  if (tune === undefined) return undefined;
  const answered = countOf(knowledge) / (knowledge.versions ?? 1);
  const epochs = trainer.epochsOver(answered - apart.calibrationInputs.length);
  const {reduction = 3} = tune === true ? {} : tune;
  const settings = settingsOf(method);
  const temperatures = [...new Set(settings.map(({temperature}) => temperature))];
  const finalists = temperatures.length > 1 ? 1 : reduction;
  const brackets = temperatures.map(temperature => {
    const indices = [...settings.keys()].filter(index => settings[index]!.temperature === temperature);
    return {indices, rungs: rungsOf(indices.length, {epochs, reduction, finalists})};
  });
  const trials = brackets.flatMap(({rungs}) => rungs).reduce((sum, {count}) => sum + count, 0);
  return {method: method.method, settings, brackets, trials};
}

interface TuningOptions {
  readonly runner: JobRunner;
  /** @param done - how many trials; those under way count by their part */
  readonly onProgress: (done: number) => void;
}

/**
 * Chooses T and λ of a method's losses, see `Method.tune`. Trials that an earlier run of the same study made are not made
 * again.
 *
 * @returns undefined if not one trial came to an end
 */
async function tuning(
  study: Study,
  method: AnsweredMethod,
  {settings, brackets}: TuningPlan,
  {runner, onProgress}: TuningOptions,
): Promise<Tuning | undefined> {
  const make = await trialMaker(study, method, settings, {runner, onProgress});
  const limit = pLimit(runner.concurrency);
  const climbed = await Promise.all(
    brackets.map(async ({indices, rungs}) => {
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
async function trialMaker(
  study: Study,
  method: AnsweredMethod,
  settings: readonly Setting[],
  {runner, onProgress}: TuningOptions,
): Promise<(index: number, epochs: number) => Promise<Trial>> {
  const {directory, signal, onNote} = study;
  const shares = new Map<string, number>();
  const report = (index: number, epochs: number, share: number) => {
    shares.set(`${index} for ${epochs}`, share);
    onProgress([...shares.values()].reduce((sum, one) => sum + one, 0));
  };
  const make = async (index: number, epochs: number): Promise<Trial> => {
    signal?.throwIfAborted();
    const tried = changed(method, {tuned: {...settings[index]!, tried: settings.length}});
    const listeners = {onNote, onProgress: (share: number) => report(index, epochs, Math.min(share, 0.999))};
    const outcome = await runner.trial({method: tried, epochs}, listeners).catch(failureOf(signal));
    return {setting: index, epochs, ...('failure' in outcome ? {score: null, curve: [], ...outcome} : outcome)};
  };
  const kept = await KeptTrials.open(trialsPath(directory, method), await fingerprintOfTrials(study, method, settings));
  return async (index, epochs) => {
    let trial = kept.get(index, epochs);
    if (trial === undefined) {
      trial = await make(index, epochs);
      // A trial that failed may do better in another process.
      if (trial.score !== null) await kept.keep(trial);
    }
    report(index, epochs, 1);
    return trial;
  };
}

/** One round of successive halving: so many candidates, each trained for so many epochs. */
export interface Rung {
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
