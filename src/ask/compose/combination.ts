import {InputError, TeacherError} from '../../errors.ts';
import {coarsen, labelOf} from '../../knowledge/coarsen.ts';
import type {
  Answer,
  AnswerOf,
  Detail,
  LogProbabilitiesAnswer,
  Part,
  Teacher,
  TopKAnswer,
  VotesAnswer,
} from '../../teacher.ts';

/** The access level of combined answers. */
export type Combined = 'black-box' | 'gray-box';

/**
 * The content of several combined answers: votes if each is a label or votes; their mean if all are distributions.
 *
 * @throws InputError if some are votes and others distributions
 */
export function shownBy(teachers: readonly Teacher[]): {readonly access: Combined; readonly detail: Detail} {
  const voting = teachers.filter(isVoting);
  if (voting.length === teachers.length) return {access: 'black-box', detail: {kind: 'votes'}};
  if (voting.length > 0) {
    const scored = teachers.find(teacher => !isVoting(teacher))!;
    throw new InputError(
      `Teacher ${voting[0]!.name} shows labels and ${scored.name} distributions, of which together there is no mean. ` +
        "Have them all vote: `degrade(teacher, {access: 'black-box', detail: {kind: 'label'}})` shows labels alone.",
    );
  }
  const most = teachers.flatMap(({detail}) => (detail.kind === 'top-k' ? [detail.k] : []));
  return {
    // The mean of estimates of black-box teachers is an estimate, too.
    access: teachers.every(({access}) => access === 'black-box') ? 'black-box' : 'gray-box',
    detail: most.length === 0 ? {kind: 'log-probabilities'} : {kind: 'top-k', k: Math.min(...most)},
  };
}

function isVoting({detail}: Teacher): boolean {
  return detail.kind === 'label' || detail.kind === 'votes';
}

/** The detail that a teacher is asked for, so that its answers can be combined with others. */
export function partShowing(teacher: Teacher): Part {
  return {teacher, ...(teacher.detail.kind === 'logits' && {detail: {kind: 'log-probabilities'}})};
}

/**
 * Combines several answers into one.
 *
 * @param shares - weights are whole numbers for votes, and sum to 1 for distributions
 * @returns undefined if the most probable class isn't known
 */
export function combine(shares: readonly Share[], {kind}: Detail, classes: number): AnswerOf<Combined> | undefined {
  if (kind === 'votes') return votesIn(shares, classes);
  return kind === 'top-k' ? meanTopK(shares, classes) : meanDistribution(shares, classes);
}

/** A teacher that votes has as many votes as it gives, each with its weight. */
function votesIn(shares: readonly Share[], classes: number): VotesAnswer {
  const counts = new Uint32Array(classes);
  for (const {answer, weight} of shares) {
    if (answer.kind === 'votes') for (const [index, count] of answer.counts.entries()) counts[index]! += weight * count;
    else counts[labelOf(answer)]! += weight;
  }
  return {kind: 'votes', counts};
}

export function unknownBest(name: string): TeacherError {
  return new TeacherError(
    name,
    'Its teachers name so few classes that it is not known which is the most probable. Have them name more.',
  );
}

/** One of the answers that are averaged. */
export interface Share {
  readonly answer: Answer;
  /** Its weight in the mean. All weights sum to 1. */
  readonly weight: number;
}

/** The mean of whole distributions, class by class: of their probabilities, never of logits. */
function meanDistribution(shares: readonly Share[], classes: number): LogProbabilitiesAnswer {
  const rows = shares.map(({answer, weight}) => ({
    logProbabilities: coarsen(answer, {kind: 'log-probabilities'}).logProbabilities,
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
export const ROUNDING: number = 1 + 1e-9;

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
function meanTopK(shares: readonly Share[], classes: number): TopKAnswer | undefined {
  const tops = shares.map(({answer, weight}) => {
    const {rest, ...top} = coarsen(answer, {kind: 'top-k', k: classes});
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
