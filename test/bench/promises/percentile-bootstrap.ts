import {type RandomGenerator, randomFraction, randomInteger, seededRandom} from '../../../src/data/random.ts';
import {InputError} from '../../../src/errors.ts';
import {quantile} from '../../../src/evaluate/statistics.ts';

export interface BootstrapOptions {
  /**
   * Seed of the resamples.
   *
   * @default 0
   */
  readonly seed?: number;
  /** @default 10,000 */
  readonly resamples?: number;
  /**
   * Share of the resamples that the interval holds.
   *
   * @default 0.95
   */
  readonly level?: number;
}

export interface BootstrapResult {
  /** Mean score minus the baseline's. */
  readonly difference: number;
  /** Percentile interval of the difference. */
  readonly interval: readonly [low: number, high: number];
  /**
   * Two-sided: twice the share of resamples on the far side of 0. Never 0, because the number of resamples is finite.
   */
  readonly p: number;
}

/**
 * The interval of earlier versions, with which the bench compares the present one. It is too narrow for few seeds,
 * because it takes the observed variance of the seeds for the true one, and uses no quantiles of Student's t.
 *
 * Paired bootstrap of the difference between two methods in a score that each test example has: 1 or 0 for right or
 * wrong, or any number. Every resample draws seeds and examples, both with replacement, the same ones for both methods.
 * Efron and Tibshirani (1993), chapter 13.
 *
 * @param scores - [seed][example]
 * @param baseline - [seed][example], of the same seeds and examples
 */
export function pairedBootstrap(
  scores: readonly ArrayLike<number>[],
  baseline: readonly ArrayLike<number>[],
  {seed = 0, resamples = 10_000, level = 0.95}: BootstrapOptions = {},
): BootstrapResult {
  checkPairs(scores, baseline);
  const differing = differences(scores, baseline);
  const random = seededRandom(seed, 'bootstrap');
  const means = Float64Array.from({length: resamples}, () => resampledMean(differing, random)).sort();
  const tail = (1 - level) / 2;
  return {
    difference: sum(differing.rows) / (differing.seeds * differing.examples),
    interval: [quantile(means, tail), quantile(means, 1 - tail)],
    p: twoSided(means),
  };
}

interface Differences {
  readonly seeds: number;
  /** All test examples. */
  readonly examples: number;
  /** [differing examples, seeds]: those on which the methods differ for any seed. Others add 0 to every resample. */
  readonly rows: Float64Array;
}

function differences(scores: readonly ArrayLike<number>[], baseline: readonly ArrayLike<number>[]): Differences {
  const [seeds, examples] = [scores.length, scores[0]!.length];
  const rows: number[] = [];
  for (let example = 0; example < examples; example++) {
    const row = scores.map((ofSeed, seed) => ofSeed[example]! - baseline[seed]![example]!);
    if (row.some(difference => difference !== 0)) rows.push(...row);
  }
  return {seeds, examples, rows: Float64Array.from(rows)};
}

/** The mean over as many seeds and examples as there are, drawn with replacement. */
function resampledMean({seeds, examples, rows}: Differences, random: RandomGenerator): number {
  const perExample = new Float64Array(rows.length / seeds);
  for (let draw = 0; draw < seeds; draw++) {
    const seed = randomInteger(random, 0, seeds - 1);
    for (let example = 0; example < perExample.length; example++) perExample[example]! += rows[example * seeds + seed]!;
  }
  let total = 0;
  for (let left = binomial(examples, perExample.length / examples, random); left > 0; left--) {
    total += perExample[Math.floor(randomFraction(random) * perExample.length)]!;
  }
  return total / (seeds * examples);
}

/**
 * Number of successes in `trials`, drawn by the waiting times between successes, which is fast if there are few.
 * Devroye (1986), Non-Uniform Random Variate Generation, chapter X.4, first waiting time algorithm.
 */
function binomial(trials: number, probability: number, random: RandomGenerator): number {
  if (probability === 0 || probability === 1) return trials * probability;
  if (probability > 0.5) return trials - binomial(trials, 1 - probability, random);
  const logFailure = Math.log1p(-probability);
  let successes = -1;
  for (let trial = 0; trial <= trials; successes++) {
    trial += Math.floor(Math.log1p(-randomFraction(random)) / logFailure) + 1;
  }
  return successes;
}

function twoSided(means: Float64Array): number {
  const below = means.filter(value => value <= 0).length;
  const above = means.filter(value => value >= 0).length;
  return Math.min(1, (2 * (Math.min(below, above) + 1)) / (means.length + 1));
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}

function checkPairs(scores: readonly ArrayLike<number>[], baseline: readonly ArrayLike<number>[]): void {
  const lengths = [...scores, ...baseline].map(ofSeed => ofSeed.length);
  const examples = lengths[0] ?? 0;
  if (scores.length === baseline.length && examples > 0 && lengths.every(length => length === examples)) return;
  throw new InputError(
    `A paired bootstrap needs a score and a baseline for each seed and test example, got ${scores.length} and ` +
      `${baseline.length} seeds with ${lengths.join(', ')} examples. Give both the same seeds and examples.`,
  );
}
