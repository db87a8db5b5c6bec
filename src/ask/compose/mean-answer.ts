import {coarsen} from '../../knowledge/coarsen.ts';
import type {Answer, LogProbabilitiesAnswer, TopKAnswer} from '../../teacher.ts';

/** One of the answers that are averaged. */
export interface Share {
  readonly answer: Answer;
  /** Its weight in the mean. All weights sum to 1. */
  readonly weight: number;
}

/** The mean of whole distributions, class by class: of their probabilities, never of logits. */
export function meanDistribution(shares: readonly Share[], classes: number): LogProbabilitiesAnswer {
  const rows = shares.map(({answer, weight}) => ({
    logProbabilities: coarsen(answer, {kind: 'log-probabilities'}, classes).logProbabilities,
    logWeight: Math.log(weight),
  }));
  const mean = Float32Array.from({length: classes}, (_, index) =>
    logSum(rows.map(({logProbabilities, logWeight}) => logProbabilities[index]! + logWeight)),
  );
  return {kind: 'log-probabilities', logProbabilities: mean};
}

/** A probability counts as known up to this doubt. Distributions sum to 1 only about as closely. */
const NO_DOUBT = 1e-3;

/** Rounding must not make a class less probable than itself. */
const ROUNDING = 1 + 1e-9;

/** The known part of the mean of a class. */
interface Known {
  readonly index: number;
  /** The mean over the answers that name it. */
  readonly logProbability: number;
  /** How much higher it can be: the rest that the other answers leave to classes that they don't name. */
  readonly doubt: number;
}

/**
 * The mean of answers if some of them name their best classes only. A class that such an answer doesn't name has an
 * unknown part of its rest, at most as much as the least probable named class. The mean names the classes without such
 * doubt, from the most probable down to the point at which an unknown class can come first. All others form its rest.
 *
 * @returns undefined if the most probable class isn't known
 */
export function meanTopK(shares: readonly Share[], classes: number): TopKAnswer | undefined {
  const tops = shares.map(({answer, weight}) => {
    const {rest, ...top} = coarsen(answer, {kind: 'top-k', k: classes}, classes);
    const named = new Map([...top.classes].map((index, position) => [index, top.logProbabilities[position]!]));
    return {weight, named, rest, unnamed: Math.min(rest, Math.exp(top.logProbabilities.at(-1)!))};
  });
  const doubtAbout = (index: number) =>
    tops.reduce((sum, {named, weight, unnamed}) => sum + (named.has(index) ? 0 : weight * unnamed), 0);
  const seen = Array.from({length: classes}, (_, index): Known => {
    const terms = tops.flatMap(({named, weight}) => (named.has(index) ? [named.get(index)! + Math.log(weight)] : []));
    return {index, logProbability: logSum(terms), doubt: doubtAbout(index)};
  });
  const ceiling = Math.max(0, ...seen.filter(({doubt}) => doubt > NO_DOUBT).map(mostOf));
  const known = seen
    .filter(({doubt, logProbability}) => doubt <= NO_DOUBT && Math.exp(logProbability) * ROUNDING >= ceiling)
    .filter(({index}) => tops.some(({named}) => named.has(index)))
    .sort((one, other) => other.logProbability - one.logProbability);
  if (known.length === 0) return undefined;
  const isNamed = new Set(known.map(({index}) => index));
  const left = seen.filter(({index}) => !isNamed.has(index));
  const rest =
    tops.reduce((sum, top) => sum + top.weight * top.rest, 0) +
    left.reduce((sum, {logProbability}) => sum + Math.exp(logProbability), 0);
  return {
    kind: 'top-k',
    classes: Int32Array.from(known, ({index}) => index),
    logProbabilities: Float32Array.from(known, ({logProbability}) => logProbability),
    rest: Math.min(1, rest),
  };
}

function mostOf({logProbability, doubt}: Known): number {
  return Math.exp(logProbability) + doubt;
}

/** log Σ exp, in double precision. */
function logSum(terms: readonly number[]): number {
  const most = Math.max(...terms);
  if (!Number.isFinite(most)) return Number.NEGATIVE_INFINITY;
  return most + Math.log(terms.reduce((sum, term) => sum + Math.exp(term - most), 0));
}
