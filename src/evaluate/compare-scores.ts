import {InputError} from '../errors.ts';
import type {TwoParts, VariancePart} from '../statistics/two-parts.ts';
import {mean, standardDeviation} from './statistics.ts';

/** Scores of one method's students on the test examples: 1 for right and 0 for wrong, or any number. */
export interface SeedScores {
  /** One for each student, all different. */
  readonly seeds: readonly number[];
  /** [seed][example] */
  readonly scores: readonly ArrayLike<number>[];
}

/** The difference between two methods in their mean score, with its variance over seeds and over test examples. */
export interface Difference {
  /** The method's mean score minus the baseline's. */
  readonly difference: number;
  /**
   * The subject of the comparison: the methods, for any seed. If one of them has a single seed, it is the trained
   * students themselves, because nothing then tells how much another seed would change.
   */
  readonly between: 'methods' | 'students';
  /** True if students of the same seed were compared with each other. */
  readonly paired: boolean;
  /** Number of seeds that were compared. A paired comparison uses those that both have. */
  readonly seeds: readonly [method: number, baseline: number];
  /** Variance of the difference: the part of the seeds (0 between students), then the part of the test examples. */
  readonly variance: TwoParts;
}

/**
 * Compares two methods over their seeds and the test examples. Both are random: the seeds are a sample of all seeds,
 * the examples a sample of all inputs. The variance of the difference is estimated by the mean squares of the crossed
 * random-effects model. The part of the seeds and the part of the examples have their own degrees of freedom. Methods
 * that share at least two seeds are compared on these, paired by seed. Other methods are compared on all of their
 * seeds, with possibly different variances (Welch, 1947).
 *
 * @throws InputError if seeds and scores don't match
 */
export function compareScores(method: SeedScores, baseline: SeedScores): Difference {
  return differenceOf(meanSquares(method, baseline));
}

/** The variances of a difference as they were estimated. Each of them is a quadratic form of the scores. */
export interface MeanSquares extends Pick<Difference, 'difference' | 'paired' | 'seeds'> {
  readonly examples: number;
  /** The part of the seeds: of their differences if they are paired, of each method if not; none with a single seed. */
  readonly ofSeeds: readonly number[];
  /** The part of the test examples; can be below 0. */
  readonly ofExamples: number;
}

/** The scores of the seeds that a method has at every budget, by budget. */
export function atAllBudgets(scores: readonly SeedScores[]): readonly SeedScores[] {
  const seeds = (scores[0]?.seeds ?? []).filter(seed => scores.every(ofBudget => ofBudget.seeds.includes(seed)));
  return scores.map(ofBudget => ({seeds, scores: seeds.map(seed => scoresOf(ofBudget, seed))}));
}

/** The estimates that `compareScores` is made of. */
export function meanSquares(method: SeedScores, baseline: SeedScores): MeanSquares {
  check(method, baseline);
  const shared = method.seeds.filter(seed => baseline.seeds.includes(seed));
  const most = Math.max(method.seeds.length, baseline.seeds.length);
  return shared.length >= Math.min(2, most) ? comparePaired(method, baseline, shared) : compareApart(method, baseline);
}

/** The difference with its two-part variance. */
export function differenceOf({difference, paired, seeds, examples, ofSeeds, ofExamples}: MeanSquares): Difference {
  return {
    difference,
    between: ofSeeds.length > 0 ? 'methods' : 'students',
    paired,
    seeds,
    variance: [partOfSeeds(ofSeeds, seeds), {variance: Math.max(0, ofExamples), degrees: Math.max(1, examples - 1)}],
  };
}

function comparePaired(method: SeedScores, baseline: SeedScores, shared: readonly number[]): MeanSquares {
  const differences = shared.map(seed => {
    const [ofMethod, ofBaseline] = [scoresOf(method, seed), scoresOf(baseline, seed)];
    return new Float64Array(ofMethod.length).map((_, example) => ofMethod[example]! - ofBaseline[example]!);
  });
  const found = crossedMean(differences);
  return {
    difference: found.mean,
    paired: true,
    seeds: [shared.length, shared.length],
    examples: found.exampleMeans.length,
    ofSeeds: shared.length > 1 ? [found.seedVariance] : [],
    ofExamples: ofExamples(found.exampleMeans, found.noise),
  };
}

function compareApart(method: SeedScores, baseline: SeedScores): MeanSquares {
  const [one, other] = [crossedMean(method.scores), crossedMean(baseline.scores)];
  const exampleMeans = one.exampleMeans.map((mean, example) => mean - other.exampleMeans[example]!);
  const isAlone = Math.min(method.seeds.length, baseline.seeds.length) === 1;
  return {
    difference: one.mean - other.mean,
    paired: false,
    seeds: [method.seeds.length, baseline.seeds.length],
    examples: exampleMeans.length,
    ofSeeds: isAlone ? [] : [one.seedVariance, other.seedVariance],
    ofExamples: ofExamples(exampleMeans, isAlone ? 0 : one.noise + other.noise),
  };
}

/** The part of the test examples: the variance of their means, without the share that the seeds' noise adds to it. */
function ofExamples(exampleMeans: Float64Array, noise: number): number {
  return standardDeviation(exampleMeans) ** 2 / exampleMeans.length - noise;
}

function partOfSeeds([one, other]: readonly number[], seeds: readonly [number, number]): VariancePart {
  if (one === undefined) return {variance: 0, degrees: 1};
  return other === undefined ? {variance: one, degrees: seeds[0] - 1} : welch(one, other, seeds);
}

/** The part of two sets of seeds, each with its own variance. */
function welch(a: number, b: number, [ofOne, ofOther]: readonly [number, number]): VariancePart {
  const variance = a + b;
  const degrees = variance ** 2 / (a ** 2 / (ofOne - 1) + b ** 2 / (ofOther - 1));
  return {variance, degrees: variance === 0 ? ofOne + ofOther - 2 : degrees};
}

function scoresOf({seeds, scores}: SeedScores, seed: number): ArrayLike<number> {
  return scores[seeds.indexOf(seed)]!;
}

function check(...sides: readonly [SeedScores, SeedScores]): void {
  const lengths = sides.flatMap(({scores}) => scores.map(ofSeed => ofSeed.length));
  const examples = lengths[0] ?? 0;
  const isWhole = ({seeds, scores}: SeedScores): boolean =>
    seeds.length > 0 && seeds.length === scores.length && new Set(seeds).size === seeds.length;
  if (sides.every(isWhole) && examples > 0 && lengths.every(length => length === examples)) return;
  const [method, baseline] = sides.map(
    ({seeds, scores}) => `${scores.length} rows of scores for seeds ${seeds.join(', ')}`,
  );
  throw new InputError(
    `A comparison needs one row of scores for each seed, and a score for each test example: got ${method}, against ` +
      `${baseline}, with ${lengths.join(', ')} examples. Give both methods rows of the same examples.`,
  );
}

/** The mean of values over seeds and test examples, with the parts of its variance. */
interface CrossedMean {
  readonly mean: number;
  /** [example], means over the seeds. */
  readonly exampleMeans: Float64Array;
  /**
   * Variance of the mean over other seeds on the same examples: mean square of seeds / number of values; 0 for one
   * seed.
   */
  readonly seedVariance: number;
  /**
   * The part that seeds add to the variance of the example means, divided by the number of examples: residual mean
   * square / number of values; 0 for one seed.
   */
  readonly noise: number;
}

/**
 * Analysis of variance of two crossed random factors without repetition (Searle, Casella and McCulloch, 1992, Variance
 * components, chapter 4).
 *
 * @param values - [seed][example]
 */
function crossedMean(values: readonly ArrayLike<number>[]): CrossedMean {
  const [seeds, examples] = [values.length, values[0]!.length];
  const seedMeans = values.map(mean);
  const all = mean(seedMeans);
  const exampleMeans = meansOfColumns(values);
  if (seeds === 1) return {mean: all, exampleMeans, seedVariance: 0, noise: 0};
  let residual = 0;
  for (const [seed, ofSeed] of values.entries()) {
    const shift = seedMeans[seed]! - all;
    for (let example = 0; example < examples; example++) {
      residual += (ofSeed[example]! - exampleMeans[example]! - shift) ** 2;
    }
  }
  return {
    mean: all,
    exampleMeans,
    seedVariance: (standardDeviation(seedMeans) ** 2 + rounding(values)) / seeds,
    noise: residual / ((seeds - 1) * Math.max(1, examples - 1)) / (seeds * examples),
  };
}

function meansOfColumns(rows: readonly ArrayLike<number>[]): Float64Array {
  const sums = new Float64Array(rows[0]!.length);
  for (const row of rows) for (let column = 0; column < sums.length; column++) sums[column]! += row[column]!;
  return sums.map(sum => sum / rows.length);
}

/**
 * The variance of rounding (Sheppard, 1898), which is added to that of whole scores. Means of whole scores come in
 * steps of 1 / examples, so the means of a few seeds can be equal by chance, which would look like no variance.
 */
function rounding(values: readonly ArrayLike<number>[]): number {
  return values.every(isWhole) ? 1 / 12 / values[0]!.length ** 2 : 0;
}

function isWhole(scores: ArrayLike<number>): boolean {
  for (let index = 0; index < scores.length; index++) if (!Number.isInteger(scores[index])) return false;
  return true;
}
