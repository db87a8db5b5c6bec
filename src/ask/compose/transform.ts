import {randomNormal, seededRandom} from '../../data/random.ts';
import {InputError} from '../../errors.ts';
import {coarsen} from '../../knowledge/coarsen.ts';
import type {LogitsAnswer, LogProbabilitiesAnswer, TopKAnswer} from '../../teacher.ts';

/** Changes to a distribution before it is shown, in this order: softened, disturbed, cut to the detail, rounded. */
export interface Transforms {
  /**
   * T, above 0, that logits or log-probabilities are divided by.
   *
   * @default 1
   */
  readonly temperature?: number;
  /** @default none */
  readonly noise?: Noise;
  /**
   * Decimals that probabilities are rounded to, so that they still sum to 1: each is rounded down, and those with the
   * largest remainder up.
   *
   * @default not rounded
   */
  readonly decimals?: number;
}

/** Gaussian noise on every logit or log-probability. The same query gets the same noise each time. */
export type Noise = {
  /** Standard deviation, in nats; above 0. */
  readonly deviation: number;
  /** @default 0 */
  readonly seed?: number;
};

/** @throws InputError if one is out of its range */
export function checkTransforms({temperature = 1, noise, decimals = 1}: Transforms): void {
  const check = (name: string, isRight: boolean, range: string, value: number) => {
    if (!isRight) throw new InputError(`Expected \`${name}\` of degrade to be ${range}, got ${value}.`);
  };
  check('temperature', temperature > 0 && temperature < Number.POSITIVE_INFINITY, 'a number above 0', temperature);
  check(
    'decimals',
    Number.isInteger(decimals) && decimals >= 1 && decimals <= 9,
    'a whole number from 1 to 9',
    decimals,
  );
  const {deviation = 1, seed = 0} = noise ?? {};
  check('noise.deviation', deviation > 0 && deviation < Number.POSITIVE_INFINITY, 'a number above 0', deviation);
  check('noise.seed', Number.isSafeInteger(seed), 'a whole number', seed);
}

type Scores = LogitsAnswer | LogProbabilitiesAnswer;

/**
 * Softens a distribution and disturbs it.
 *
 * @param key - the query's key, which seeds the noise
 */
export function disturbed(answer: Scores, {temperature = 1, noise}: Transforms, key: string): Scores {
  const {deviation = 0, seed = 0} = noise ?? {};
  const random = seededRandom(seed, key);
  const draw = noise ? () => randomNormal(random) : () => 0;
  const scores = answer.kind === 'logits' ? answer.logits : answer.logProbabilities;
  const logits = scores.map(score => score / temperature + deviation * draw());
  if (answer.kind === 'logits') return {...answer, logits};
  // Log-probabilities are logits, too. The result must sum to 1 again.
  return coarsen({kind: 'logits', logits, features: {}}, {kind: 'log-probabilities'});
}

/** An answer with its probabilities rounded. With the rest they still sum to 1. */
export function rounded(
  answer: TopKAnswer | LogProbabilitiesAnswer,
  decimals: number,
): TopKAnswer | LogProbabilitiesAnswer {
  const probabilities = [...answer.logProbabilities].map(Math.exp);
  if (answer.kind === 'log-probabilities')
    return {...answer, logProbabilities: logs(roundedTo(probabilities, decimals))};
  const shares = roundedTo([...probabilities, answer.rest], decimals);
  return {...answer, logProbabilities: logs(shares.slice(0, -1)), rest: shares.at(-1)!};
}

function logs(probabilities: readonly number[]): Float32Array {
  return Float32Array.from(probabilities, Math.log);
}

/** By the largest remainder, so that the sum stays 1 and the order stays the same. */
function roundedTo(shares: readonly number[], decimals: number): readonly number[] {
  const units = 10 ** decimals;
  const sum = shares.reduce((total, share) => total + share, 0);
  const exact = shares.map(share => (share / sum) * units);
  const whole = exact.map(Math.floor);
  const left = units - whole.reduce((total, count) => total + count, 0);
  const byRemainder = [...exact.keys()].sort((a, b) => exact[b]! - whole[b]! - (exact[a]! - whole[a]!));
  for (const index of byRemainder.slice(0, left)) whole[index]!++;
  return whole.map(count => count / units);
}
