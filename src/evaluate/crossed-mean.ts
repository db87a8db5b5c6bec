import {mean, standardDeviation} from './statistics.ts';

/** The mean of values over seeds and test examples, with the parts of its variance. */
export interface CrossedMean {
  readonly mean: number;
  /** [example], means over the seeds. */
  readonly exampleMeans: Float64Array;
  /** Variance of the mean over other seeds on the same examples: the mean square of seeds, over all values; 0 of one seed. */
  readonly seedVariance: number;
  /**
   * What seeds add to the variance of the example means, over the number of examples: the residual mean square, over all
   * values; 0 of one seed.
   */
  readonly noise: number;
}

/**
 * Analysis of variance of two crossed random factors without repetition (Searle, Casella and McCulloch, 1992, Variance
 * components, chapter 4).
 *
 * @param values - [seed][example]
 */
export function crossedMean(values: readonly ArrayLike<number>[]): CrossedMean {
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
 * Whole scores make means that come in steps of one over the number of examples: the means of a few seeds may then be
 * equal by chance, which would pass for no variance. The variance of rounding (Sheppard, 1898) is added.
 */
function rounding(values: readonly ArrayLike<number>[]): number {
  return values.every(isWhole) ? 1 / 12 / values[0]!.length ** 2 : 0;
}

function isWhole(scores: ArrayLike<number>): boolean {
  for (let index = 0; index < scores.length; index++) if (!Number.isInteger(scores[index])) return false;
  return true;
}
