import type {LogProbabilitiesAnswer, TopKAnswer} from '../../src/teacher.ts';
import {fullAnswer, sumOf, topKAnswer} from '../_answers/scores.ts';

/** What a service prints about one question. */
export interface Printed {
  /** One per class, in order. */
  readonly probabilities: readonly number[];
  /** The index of the class that it calls the answer, if it names one. */
  readonly choice?: number | undefined;
  /** The expected level, if it gives one: the lowest is 0. */
  readonly score?: number | undefined;
}

/** The reason that there is no answer. */
export interface Unusable {
  /** A sentence. */
  readonly problem: string;
  /** True if the service surely rounds more than was declared. */
  readonly misread?: boolean;
  /** The expected level, if it gives one. */
  readonly score?: number | undefined;
}

/** The most by which floating-point numbers of a sum differ beside their rounding. */
const SLACK = 1e-6;
/** Half of the last bit of a 32-bit float near 1. */
const FLOAT_ROUNDING = 2 ** -24;
/** The fewest decimals to which a service rounds. */
const FEWEST_DECIMALS = 2;

/**
 * Returns what was printed as an answer.
 *
 * Each probability is rounded by itself, so that n of them can sum to 1 ± n·r, r being half of the last decimal. With
 * such a sum the most probable option can be printed 2r below another one, and the expected level can differ from that
 * of the printed numbers by r·n·(n − 1)/2 and its own rounding. Whatever is further away contradicts itself.
 *
 * Rounded probabilities become a top-k answer. It does not name the classes that are printed as zero, and what is
 * missing to a sum of 1 is its rest. Only a sum above 1 is divided out. Others become log-probabilities, as they are.
 *
 * @param decimals - of each probability; undefined if they are not rounded
 */
export function answerOf(
  printed: Printed,
  decimals: number | undefined,
): TopKAnswer | LogProbabilitiesAnswer | Unusable {
  const problem = problemWith(printed, decimals);
  if (problem !== undefined) {
    const seen = decimalsOf(printed);
    if (decimals !== undefined || problemWith(printed, seen) !== undefined) return {problem};
    const advice = `They are printed with up to ${seen} decimals. If the service rounds, set \`decimals: ${seen}\`.`;
    return {problem: `${problem} ${advice}`, misread: true};
  }
  const {probabilities, choice} = printed;
  const answer = decimals === undefined ? fullAnswer('probabilities', probabilities) : topKOf(probabilities, choice);
  return typeof answer === 'string' ? {problem: answer} : (answer as TopKAnswer | LogProbabilitiesAnswer);
}

/** Why numbers that are rounded so contradict each other, as a sentence. */
function problemWith({probabilities, choice, score}: Printed, decimals: number | undefined): string | undefined {
  const count = probabilities.length;
  const rounding = decimals === undefined ? FLOAT_ROUNDING : 0.5 * 10 ** -decimals;
  if (!probabilities.every(value => value >= 0 && value <= 1 + SLACK)) {
    return 'It gave a probability that is not between 0 and 1.';
  }
  const total = sumOf(probabilities);
  if (Math.abs(total - 1) > count * rounding + SLACK) {
    const sum = `Its probabilities sum to ${total.toPrecision(4)}, not 1.`;
    return decimals === undefined ? sum : `${sum} Rounding to ${decimals} decimals does not explain that.`;
  }
  if (probabilities.every(value => value === 0)) {
    return `With ${decimals} decimals it prints each of ${count} probabilities as 0.`;
  }
  const most = Math.max(...probabilities);
  if (choice !== undefined && probabilities[choice]! < most - 2 * rounding - SLACK) {
    return 'It calls an option the answer that is not the most probable one.';
  }
  if (score === undefined) return undefined;
  const expected = sumOf(probabilities.map((value, level) => level * value));
  if (Math.abs(score - expected) <= (rounding * count * (count - 1)) / 2 + rounding + SLACK) return undefined;
  return `Its score is ${score}, and its probabilities have the mean ${expected.toPrecision(4)}.`;
}

function decimalsOf({probabilities}: Printed): number {
  return Math.max(FEWEST_DECIMALS, ...probabilities.map(value => String(value).split('.')[1]?.length ?? 0));
}

/** Names the classes with a probability above zero. Of equal ones, the service's own choice is first. */
function topKOf(probabilities: readonly number[], choice: number | undefined): ReturnType<typeof topKAnswer> {
  const whole = Math.max(1, sumOf(probabilities));
  const named = [...probabilities.keys()].filter(index => probabilities[index]! > 0);
  const first = named.filter(index => index === choice);
  const order = [...first, ...named.filter(index => index !== choice)];
  return topKAnswer(
    'probabilities',
    order,
    order.map(index => probabilities[index]! / whole),
  );
}
