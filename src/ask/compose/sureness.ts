import {InputError} from '../../errors.ts';
import {coarsen} from '../../knowledge/coarsen.ts';
import type {Answer} from '../../teacher.ts';

/** When a teacher is sure of an answer. */
export type Sureness =
  /** Where its best class has this probability at least, from 0 to 1. */
  | {readonly confidence: number}
  /** Where its best class is this much more probable than the next, from 0 to 1. */
  | {readonly margin: number}
  /** Where the entropy of its distribution is no more than so many nats. */
  | {readonly entropy: number};

/** @throws InputError where it isn't one of these, or out of its range */
export function checkSureness(sureness: Sureness): void {
  const entries = Object.entries(sureness);
  const [[name, value] = ['', Number.NaN]] = entries;
  if (entries.length !== 1 || !['confidence', 'margin', 'entropy'].includes(name)) {
    const got = entries.map(([other]) => `\`${other}\``).join(', ') || 'nothing';
    throw new InputError(`Expected one of \`confidence\`, \`margin\` and \`entropy\` for a cascade, got ${got}.`);
  }
  const most = name === 'entropy' ? Number.POSITIVE_INFINITY : 1;
  if (value >= 0 && value <= most) return;
  throw new InputError(`Expected \`${name}\` to be ${most === 1 ? 'from 0 to 1' : '0 or more nats'}, got ${value}.`);
}

/**
 * Whether an answer is sure to be so, whatever the classes are like that it doesn't name.
 *
 * @param classes - how many classes the teacher has
 */
export function surely(answer: Answer, sureness: Sureness, classes: number): boolean {
  const {probabilities, rest} = namedBy(answer, classes);
  const [best = 0, next = 0] = probabilities;
  if ('confidence' in sureness) return best >= sureness.confidence;
  if ('margin' in sureness) {
    const isNextKnown = probabilities.length > 1;
    return best - (isNextKnown ? next : Math.min(best, rest)) >= sureness.margin;
  }
  return entropyOf(probabilities) + mostEntropyOf(rest, classes - probabilities.length) <= sureness.entropy;
}

/** Probabilities of the classes that an answer names, the largest first; of votes, their shares. */
function namedBy(answer: Answer, classes: number): {readonly probabilities: readonly number[]; readonly rest: number} {
  if (answer.kind === 'votes') {
    const votes = answer.counts.reduce((sum, count) => sum + count, 0);
    return {probabilities: [...answer.counts].map(count => count / votes).sort(descending), rest: 0};
  }
  const {logProbabilities, rest} = coarsen(answer, {kind: 'top-k', k: classes}, classes);
  return {probabilities: [...logProbabilities].map(Math.exp), rest};
}

function descending(one: number, other: number): number {
  return other - one;
}

function entropyOf(probabilities: readonly number[]): number {
  return probabilities.reduce((sum, p) => sum - (p > 0 ? p * Math.log(p) : 0), 0);
}

/** Of a rest that is spread evenly over the classes that it may be of. */
function mostEntropyOf(rest: number, classes: number): number {
  return rest > 0 ? -rest * Math.log(rest / Math.max(1, classes)) : 0;
}
