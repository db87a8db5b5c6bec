import pLimit from 'p-limit';
import {InputError, KnowledgeError} from '../errors.ts';
import {namedBy} from '../knowledge/coarsen.ts';
import type {Access, Answer, Query, Receipt, Teacher} from '../teacher.ts';
import {AnswerSample, type KeptAnswer, type SampledAnswer} from './answer-sample.ts';
import type {Bought} from './calls.ts';
import {type AnswerChange, compareAnswers} from './compare-answers.ts';
import {keyed, type LayeredTeacher, type LayerOptions, layerOver} from './layer.ts';

export interface DriftOptions {
  /**
   * Answers bought between two checks.
   *
   * @default 5000, so that the default sample adds one answer to each hundred
   */
  readonly every?: number;
  /**
   * How many answers a check asks for again.
   *
   * @default 50
   */
  readonly sample?: number;
  /**
   * The share of labels that may change. Hosted models are not quite deterministic: some uncertain answers always
   * change.
   *
   * @default 0.1
   */
  readonly maxFlips?: number;
  /**
   * The mean KL divergence, in nats, by which distributions may change.
   *
   * @default 0.1, a little less than from 0.9 to 0.7 in one of two classes
   */
  readonly maxKl?: number;
  /**
   * The seed that selects the sample.
   *
   * @default 0
   */
  readonly seed?: number;
}

/** The findings of one check, or of all checks together. */
export interface DriftFindings {
  /** Answers that came again. */
  readonly compared: number;
  /** Of these, answers with another label than before. */
  readonly flips: number;
  /** In nats, over the answers with a distribution; undefined if there are none. */
  readonly meanKl: number | undefined;
}

export interface DriftReport extends DriftFindings {
  readonly checks: number;
}

/** The comparison of one answer of the sample. */
interface Comparison extends AnswerChange {
  readonly old: SampledAnswer;
  readonly answer: Answer;
  readonly receipt: Receipt | undefined;
}

/** How many changed answers a message names. */
const NAMED_CHANGES = 3;

/**
 * Watches whether a teacher still answers as it did. It holds a sample of the answers that a run sees, decides when to
 * ask for them again, and judges the new answers. It asks nothing itself, see `withDriftGuard`.
 *
 * A check is due each time that `every` answers were bought. A first check is due before anything is bought, as soon as
 * the sample is full of answers from earlier runs.
 */
export class DriftGuard {
  readonly #teacher: Pick<Teacher, 'name' | 'identity' | 'classes'>;
  readonly #options: Required<DriftOptions>;
  readonly #sample: AnswerSample;
  readonly #startedAt: string = new Date().toISOString();
  readonly #changes: AnswerChange[] = [];
  #checks = 0;
  #bought = 0;
  #verdict: KnowledgeError | undefined;

  /** @throws InputError if an option is out of its range */
  constructor(teacher: Pick<Teacher, 'name' | 'identity' | 'classes'>, options: DriftOptions = {}) {
    const {every = 5000, sample = 50, maxFlips = 0.1, maxKl = 0.1, seed = 0} = options;
    for (const [name, value] of Object.entries({every, sample})) {
      if (Number.isSafeInteger(value) && value > 0) continue;
      throw new InputError(`Expected \`${name}\` of the drift guard to be a whole number above 0, got ${value}.`);
    }
    for (const [name, value] of Object.entries({maxFlips, maxKl})) {
      if (value >= 0) continue;
      throw new InputError(`Expected \`${name}\` of the drift guard to be 0 or more, got ${value}.`);
    }
    this.#teacher = teacher;
    this.#options = {every, sample, maxFlips, maxKl, seed};
    this.#sample = new AnswerSample(sample, seed);
  }

  get report(): DriftReport {
    return {checks: this.#checks, ...summarise(this.#changes)};
  }

  /** Records an answer that was served from the store. */
  sawHit(query: Query, stored: KeptAnswer): void {
    this.#sample.add(keyed(this.#teacher, query).key, query, () => stored);
  }

  /** Records an answer that was bought. */
  sawBought(query: Query, answer: Answer, receipt: Receipt | undefined): void {
    this.#bought++;
    const kept = () => ({answer, storedAt: new Date().toISOString(), ...(receipt && {receipt})});
    this.#sample.add(keyed(this.#teacher, query).key, query, kept);
  }

  /** The finding of a check that stops the run. */
  get verdict(): KnowledgeError | undefined {
    return this.#verdict;
  }

  /** True if a check is due before the next query is asked. */
  get isDue(): boolean {
    if (this.#bought >= this.#options.every) return this.#sample.answers.length > 0;
    if (this.#checks > 0 || !this.#sample.isFull) return false;
    return this.#sample.answers.every(({storedAt}) => storedAt < this.#startedAt);
  }

  /** The answers that a check asks for again, for `judge`. The next check becomes due later. */
  startCheck(): readonly SampledAnswer[] {
    this.#checks++;
    this.#bought = 0;
    return [...this.#sample.answers];
  }

  /**
   * Compares the new answers with the sample. Judges nothing if less than half of the sample was answered.
   *
   * @param outcomes - in the order of the sample
   * @throws KnowledgeError if more has changed than may
   */
  judge(sample: readonly SampledAnswer[], outcomes: readonly Bought[]): void {
    const comparisons = sample.flatMap((old, index): Comparison[] => {
      const outcome = outcomes[index]!;
      if ('error' in outcome) return [];
      const {answer, call} = outcome;
      const change = compareAnswers(old.answer, answer);
      return [{old, answer, receipt: call?.receipt, ...change}];
    });
    // Only the change is remembered, not the answers.
    for (const {flipped, kl} of comparisons) this.#changes.push({flipped, ...(kl !== undefined && {kl})});
    const {flips, meanKl = 0} = summarise(comparisons);
    const {maxFlips, maxKl} = this.#options;
    if (comparisons.length < sample.length / 2) return;
    if (flips <= maxFlips * comparisons.length && meanKl <= maxKl) return;
    this.#verdict = this.#drifted(comparisons);
    throw this.#verdict;
  }

  #drifted(comparisons: readonly Comparison[]): KnowledgeError {
    const {compared, flips, meanKl} = summarise(comparisons);
    const {maxFlips, maxKl} = this.#options;
    const divergence = meanKl === undefined ? '' : `, and their mean KL divergence is ${meanKl.toFixed(3)} nats`;
    const named = [...comparisons]
      .sort((one, other) => Number(other.flipped) - Number(one.flipped) || (other.kl ?? 0) - (one.kl ?? 0))
      .slice(0, NAMED_CHANGES)
      .map(change => `\n  ${this.#describe(change)}`);
    return new KnowledgeError(
      `Teacher ${this.#teacher.name} no longer answers as it did. Of ${compared} answers that were asked for again, ` +
        `${flips} have another label${divergence}; at most ${Number((maxFlips * 100).toPrecision(3))} % and ${maxKl} nats may change. ` +
        'All answers are kept as they were. Go on with the model that gave them, under its exact version; or label all ' +
        `anew, under an identity of its own; or allow for more change.${named.join('')}`,
    );
  }

  #describe({old, answer, receipt}: Comparison): string {
    const {classes} = this.#teacher;
    const [before, now] = [old.answer, answer].map(shown => classes[namedBy(shown)]);
    const [by, byNow] = [old.receipt, receipt].map(authorOf);
    return `key ${old.key}: ${before} on ${old.storedAt.slice(0, 10)}${by}, now ${now}${byNow}`;
  }
}

function authorOf(receipt: Receipt | undefined): string {
  const named = [receipt?.model, receipt?.fingerprint].filter(name => name !== undefined);
  return named.length === 0 ? '' : ` (${named.join(' ')})`;
}

function summarise(changes: readonly AnswerChange[]): DriftFindings {
  const divergences = changes.flatMap(({kl}) => (kl === undefined ? [] : [kl]));
  return {
    compared: changes.length,
    flips: changes.filter(({flipped}) => flipped).length,
    meanKl: divergences.length === 0 ? undefined : divergences.reduce((sum, kl) => sum + kl, 0) / divergences.length,
  };
}

/**
 * Asks for a sample of the answers again when a check is due. The sample passes through the layers below, so it waits
 * for admission, is journalled and counts against the budget. The new answers are compared and then dropped. No new
 * query is asked during a check, nor after a check that found a change.
 *
 * @param guard - the one that the cache tells of its hits
 */
export function withDriftGuard<A extends Access>(teacher: LayeredTeacher<A>, guard: DriftGuard): LayeredTeacher<A> {
  let checking: Promise<void> | undefined;

  const check = async ({onSettled: _, ...options}: LayerOptions) => {
    const sample = guard.startCheck();
    const {maxBatch, concurrency = 1} = teacher;
    const starts = Array.from({length: Math.ceil(sample.length / maxBatch)}, (_, batch) => batch * maxBatch);
    const asked = await pLimit(concurrency).map(starts, start =>
      teacher.ask(
        sample.slice(start, start + maxBatch).map(({query}) => query),
        options,
      ),
    );
    const outcomes: readonly Bought<A>[] = asked.flat();
    for (const {call} of outcomes) call?.done();
    guard.judge(sample, outcomes);
  };

  const ask = async (queries: readonly Query[], options: LayerOptions = {}) => {
    if (guard.verdict) throw guard.verdict;
    if (guard.isDue && !checking) {
      checking = check(options).finally(() => {
        checking = undefined;
      });
    }
    await checking;
    const outcomes: readonly Bought<A>[] = await teacher.ask(queries, options);
    for (const [index, outcome] of outcomes.entries()) {
      if ('answer' in outcome) guard.sawBought(queries[index]!, outcome.answer, outcome.call?.receipt);
    }
    return outcomes;
  };
  return layerOver(teacher, {ask});
}
