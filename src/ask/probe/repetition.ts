import {sameValues} from '../../data/arrays.ts';
import {exactInterval} from '../../statistics/bounds.ts';
import type {Answer, Outcome} from '../../teacher.ts';
import {compareAnswers} from '../compare-answers.ts';
import type {LedgerSnapshot} from '../ledger.ts';

/** The differences between two rounds of answers to the same queries. */
export interface Repetition {
  /** Queries that were answered twice. */
  readonly compared: number;
  /** Of these, with the same answer: the same classes, and scores that differ by rounding at most (1e-5). */
  readonly identical: number;
  /** Of these, with another best class, or a vector of another direction. */
  readonly flips: number;
  /** The largest change of a class's probability; absent if no probabilities are shown. */
  readonly change?: number;
  /** The largest change of a class's log-probability or logit. */
  readonly logChange?: number;
  /** In nats, from the earlier distributions to the later ones. */
  readonly meanKl?: number;
  /** How much the teacher disturbs its scores; absent if no distributions are shown. */
  readonly verdict?: Verdict;
}

/**
 * The verdict of repeated queries on a teacher's scores. They are the `same` except for rounding; they differ by
 * `noise` that leaves them as good; or they are `perturbed`, on purpose or because the teacher is not deterministic.
 * Repeating can't reveal a disturbance that is the same each time.
 */
export type Verdict = 'same' | 'noise' | 'perturbed';

/**
 * The mean KL divergence, in nats, above which scores count as perturbed. It equals a shift of an even choice's log
 * odds by 0.28. Hosted models that are not quite deterministic stay far below it.
 */
const PERTURBED = 0.01;

/**
 * The difference up to which scores count as the same: relative, or absolute for scores below 1. A sum of 32-bit floats
 * in another order differs by less, for example in another batch, with another number of threads or on another
 * processor.
 */
const ROUNDING = 1e-5;

/** Undefined if nothing was answered twice. */
export function compareAskings(before: readonly Outcome[], after: readonly Outcome[]): Repetition | undefined {
  const pairs = before.flatMap((outcome, index): (readonly [Answer, Answer])[] => {
    const again = after[index];
    return again && 'answer' in outcome && 'answer' in again ? [[outcome.answer, again.answer]] : [];
  });
  if (pairs.length === 0) return undefined;
  const changes = pairs.map(([one, other]) => compareAnswers(one, other));
  const divergences = changes.flatMap(({kl}) => (kl === undefined ? [] : [kl]));
  // The numbers of a vector are scores of no class.
  const scores = pairs.flatMap(([one, other]) => (one.kind === 'vector' ? [] : scorePairs(one, other)));
  const isLogits = pairs.some(([{kind}]) => kind === 'logits');
  const identical = pairs.filter(([one, other]) => isSame(one, other)).length;
  const meanKl = divergences.reduce((sum, kl) => sum + kl, 0) / divergences.length;
  return {
    compared: pairs.length,
    identical,
    flips: changes.filter(({flipped}) => flipped).length,
    ...(scores.length > 0 && {logChange: largest(scores, value => value)}),
    ...(scores.length > 0 && !isLogits && {change: largest(scores, Math.exp)}),
    ...(divergences.length > 0 && {meanKl, verdict: verdictOf(meanKl, identical === pairs.length)}),
  };
}

function verdictOf(meanKl: number, areSame: boolean): Verdict {
  if (areSame) return 'same';
  return meanKl > PERTURBED ? 'perturbed' : 'noise';
}

type Pair = readonly [number, number];

function largest(pairs: readonly Pair[], scale: (value: number) => number): number {
  return pairs.reduce(
    (most, [one, other]) => (one === other ? most : Math.max(most, Math.abs(scale(one) - scale(other)))),
    0,
  );
}

/** The scores of each class that both answers name. */
function scorePairs(one: Answer, other: Answer): readonly Pair[] {
  const [before, after] = [scoresOf(one), scoresOf(other)];
  return [...before].flatMap(([label, score]): Pair[] => {
    const again = after.get(label);
    return again === undefined ? [] : [[score, again]];
  });
}

function scoresOf(answer: Answer): ReadonlyMap<number, number> {
  switch (answer.kind) {
    case 'label':
    case 'votes':
      return new Map();
    case 'expected':
      return new Map([[0, answer.level]]);
    case 'top-k':
      return new Map([...answer.classes].map((label, index) => [label, answer.logProbabilities[index]!]));
    case 'log-probabilities':
      return new Map(answer.logProbabilities.entries());
    case 'logits':
      return new Map(answer.logits.entries());
    case 'vector':
      return new Map(answer.values.entries());
  }
}

function isSame(one: Answer, other: Answer): boolean {
  if (one.kind === 'label' && other.kind === 'label') return one.label === other.label;
  if (one.kind === 'votes' && other.kind === 'votes') return sameValues(one.counts, other.counts);
  const [before, after] = [scoresOf(one), scoresOf(other)];
  return (
    one.kind === other.kind &&
    before.size === after.size &&
    [...before].every(([label, score]) => isClose(score, after.get(label)))
  );
}

function isClose(score: number, again: number | undefined): boolean {
  if (again === undefined) return false;
  return score === again || Math.abs(score - again) <= ROUNDING * Math.max(1, Math.abs(score));
}

/** How often the teacher that students are measured against names the same class again: what bounds their agreement. */
export interface Ceiling {
  /** Its name. */
  readonly teacher: string;
  /** Test inputs that were answered twice; 0 for a model whose logits are a function of the input. */
  readonly inputs: number;
  /** Share of these with the same class both times. */
  readonly share: number;
  /** Exact 95 % interval of the share on inputs like these. */
  readonly interval: readonly [low: number, high: number];
  /**
   * The most that any student's agreement can be expected to be, √`share`: a point estimate. A student can name the most
   * probable answer of the teacher, of probability p. Two answers are the same with a probability of p² at least, and the
   * mean of p is at most the root of the mean of p².
   */
  readonly most: number;
  /** The cost of the second answers; not in the totals. Absent if nobody was asked. */
  readonly ledger?: LedgerSnapshot | undefined;
}

/** @param same - how many of the inputs got the same class both times */
export function ceilingOf(teacher: string, same: number, inputs: number): Ceiling {
  if (inputs === 0) return {teacher, inputs, share: 1, interval: [1, 1], most: 1};
  const share = same / inputs;
  return {teacher, inputs, share, interval: exactInterval(same, inputs), most: Math.sqrt(share)};
}
