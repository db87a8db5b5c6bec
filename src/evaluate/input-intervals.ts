import {boundedMeanInterval, type Range} from '../statistics/bounded-mean.ts';
import {criticalT} from '../statistics/distributions.ts';
import {reach} from '../statistics/two-parts.ts';
import {compareScores, type SeedScores} from './compare-scores.ts';
import {mean, standardDeviation} from './statistics.ts';

/** Values of inputs that stay in a range. */
export interface BoundedValues {
  /** [inputs] */
  readonly values: ArrayLike<number>;
  readonly range: Range;
  /** [inputs], jackknife pseudo-values, if the values of two inputs depend on each other: see `recallInfluences`. */
  readonly influences?: ArrayLike<number> | undefined;
}

/**
 * The 95 % interval of a mean over other inputs like these: that of independent values in a range. If the values depend on
 * each other, its ends move away from the mean by as much as the standard error of the jackknife is greater.
 */
export function intervalOverInputs({values, range, influences = values}: BoundedValues): Range {
  const middle = mean(values);
  const [low, high] = boundedMeanInterval(values, range);
  const spread = standardDeviation(values);
  const times = spread === 0 ? 1 : Math.max(1, standardDeviation(influences) / spread);
  const [least, greatest] = range;
  return [Math.max(least, middle - times * (middle - low)), Math.min(greatest, middle + times * (high - middle))];
}

/** Values of the same inputs by students of several seeds. */
export interface SeedValues extends SeedScores {
  readonly range: Range;
  /** [seed][input], see `BoundedValues`. */
  readonly influences?: readonly ArrayLike<number>[] | undefined;
}

/**
 * The 95 % interval of a mean over other seeds and other inputs; with one seed, over inputs alone. At each end the interval
 * over inputs counts as a part of the variance, beside that of the seeds.
 */
export function intervalOverSeeds({range, influences, ...scores}: SeedValues): Range {
  const nothing = scores.scores.map(row => new Float64Array(row.length));
  const {difference: middle, variance} = compareScores(scores, {...scores, scores: nothing});
  const values = meansByInput(scores.scores);
  const [low, high] = intervalOverInputs({values, range, influences: influences && meansByInput(influences)});
  const degrees = values.length - 1;
  const farther = (far: number): number =>
    reach(0.05, [variance[0], {variance: (far / criticalT(0.05, degrees)) ** 2, degrees}]);
  const [least, greatest] = range;
  return [Math.max(least, middle - farther(middle - low)), Math.min(greatest, middle + farther(high - middle))];
}

function meansByInput(rows: readonly ArrayLike<number>[]): Float64Array {
  return Float64Array.from(rows[0]!, (_, input) => mean(rows.map(row => row[input]!)));
}
