import {InputError} from '../errors.ts';

/**
 * Kinds of inputs, by how much a check of one tells: student and teacher disagree; they agree but the student is among
 * the less sure; the rest.
 */
export const STRATA = ['disagree', 'unsure', 'sure'] as const;

export type StratumName = (typeof STRATA)[number];

/** The share of the inputs on which both agree that count as unsure. */
const UNSURE_SHARE = 0.25;

/**
 * The stratum of each input.
 *
 * @param teacher - [count], the classes that it names
 * @param student - [count], the classes that it names
 * @param confidence - [count], how sure the student is
 * @returns [count], indices in `STRATA`
 */
export function strataOf(
  teacher: ArrayLike<number>,
  student: ArrayLike<number>,
  confidence: ArrayLike<number>,
): Uint8Array {
  const strata = Uint8Array.from(teacher, (label, row) => (label === student[row] ? 2 : 0));
  const agreeing = Array.from(strata.keys()).filter(row => strata[row] === 2);
  agreeing.sort((one, other) => confidence[one]! - confidence[other]! || one - other);
  for (const row of agreeing.slice(0, Math.floor(agreeing.length * UNSURE_SHARE))) strata[row] = 1;
  return strata;
}

/**
 * How much an input of each stratum is expected to tell: the root of the summed variances of three estimates, the
 * teacher's correctness, the student's correctness and the difference. If the two disagree, at most one of them is
 * right, and at worst each is right equally often: 0.25 + 0.25 + 0.8. If they agree, the difference is 0, and the error
 * rates are taken to be 20 % and 5 %.
 */
const TELLS: readonly number[] = [1.14, 0.57, 0.31];

/** The fewest checks of each stratum, so that none is left to guesses. */
const FEWEST = 5;

/**
 * Number of inputs to draw from each stratum (Neyman, 1934), in proportion to its size and to how much one of its
 * inputs tells. No stratum gets fewer than it already has.
 *
 * @param sizes - [strata]
 * @param items - wanted in all; if there are fewer inputs, all of them are drawn
 * @param drawn - [strata], numbers that were drawn before
 */
export function allocate(
  sizes: readonly number[],
  items: number,
  drawn: readonly number[] = sizes.map(() => 0),
): number[] {
  const counts = sizes.map((size, stratum) => Math.max(drawn[stratum]!, Math.min(size, FEWEST)));
  const most = Math.min(items, sum(sizes));
  while (sum(counts) < most) {
    // Each goes to the stratum whose variance it lowers most: the Huntington-Hill method of dividing seats.
    const gains = sizes.map((size, stratum) => {
      const count = counts[stratum]!;
      return count < size ? (size * TELLS[stratum]!) ** 2 / (count * (count + 1)) : -1;
    });
    counts[gains.indexOf(Math.max(...gains))]!++;
  }
  return counts;
}

/** The findings of the checks in one stratum. */
export interface CheckedStratum {
  /** Number of inputs in the stratum. */
  readonly size: number;
  /** Of those, how many were checked, drawn at random. */
  readonly checked: number;
  /** Number of checked inputs that are right. */
  readonly right: number;
}

export interface ShareRight {
  /** Estimated share of right answers, from 0 to 1. */
  readonly share: number;
  /** 95 % interval of the share, for inputs like these, not only for these. */
  readonly interval: readonly [low: number, high: number];
  /** Approximate number of further checks that halve the interval; undefined if there are too few inputs. */
  readonly moreToHalve: number | undefined;
}

/** The 97.5 % quantile of the normal distribution. */
const Z = 1.959963984540054;

/**
 * The share of right answers, estimated from a stratified sample. Each stratum counts by its size:
 * Σ W_h · right_h / checked_h (Horvitz and Thompson, 1952). The variance is that of a sample in two phases, because the
 * strata's sizes themselves come from a sample: Σ W_h² p_h (1 - p_h) / n_h + Σ W_h (p_h - p)² / N (Cochran, 1977,
 * Sampling techniques, section 12.2). The interval is Wilson's for the size of a simple random sample with the same
 * variance (Dean and Pagano, 2015, Evaluating confidence interval methods for binomial proportions in clustered
 * surveys). A stratum in which all are right is not taken to be certain: in the variance each share is
 * (right + 1) / (checked + 2).
 *
 * @throws InputError if a stratum has inputs but no checks
 */
export function shareRight(strata: readonly CheckedStratum[]): ShareRight {
  const present = strata.filter(({size}) => size > 0);
  if (present.length === 0 || present.some(({checked}) => checked === 0)) {
    throw new InputError('Some kind of inputs has no checks yet. Check some inputs of each kind.');
  }
  const total = sum(present.map(({size}) => size));
  const rows = present.map(({size, checked, right}) => ({
    weight: size / total,
    checked,
    share: right / checked,
    smooth: (right + 1) / (checked + 2),
  }));
  const share = sum(rows.map(({weight, share: own}) => weight * own));
  const smooth = sum(rows.map(row => row.weight * row.smooth));
  // More checks of these inputs shrink only the first part.
  const within = sum(rows.map(row => (row.weight ** 2 * row.smooth * (1 - row.smooth)) / row.checked));
  const between = sum(rows.map(row => row.weight * (row.smooth - smooth) ** 2)) / total;
  const checked = sum(present.map(stratum => stratum.checked));
  return {
    share,
    interval: wilson(share, (smooth * (1 - smooth)) / (within + between)),
    moreToHalve: moreToHalve(checked, total, within, between),
  };
}

/** The findings about inputs of one stratum on which two models differ. For all other inputs the difference is 0. */
export interface CheckedDifference {
  /** Number of inputs on which they differ. */
  readonly size: number;
  /** Of those, how many were checked, drawn at random. */
  readonly checked: number;
  /** Number of checked inputs on which the one model is right, and on which the other is. */
  readonly one: number;
  readonly other: number;
}

export interface ShareDifference {
  /** Share on which the other is right minus the share on which the one is, from -1 to 1. */
  readonly difference: number;
  /** 95 % interval, for inputs like these. */
  readonly interval: readonly [low: number, high: number];
}

/**
 * How much more often the other model is right. Inputs on which both agree need no check, so the difference is known
 * far better than each share. In each stratum the variance is that of Bonett and Price (2012, Adjusted Wald confidence
 * interval for a difference of binomial proportions based on paired data), with one more input on which each is right.
 * Strata and the two phases of the sample are combined as in `shareRight`.
 *
 * @param total - number of all inputs, those on which both agree included
 * @returns undefined if a stratum has such inputs but no checks
 */
export function shareDifference(strata: readonly CheckedDifference[], total: number): ShareDifference | undefined {
  const present = strata.filter(({size}) => size > 0);
  if (present.some(({checked}) => checked === 0)) return undefined;
  const rows = present.map(({size, checked, one, other}) => {
    const count = checked + 2;
    const smooth = (other - one) / count;
    const variance = ((one + other + 2) / count - smooth ** 2) / count;
    return {weight: size / total, plain: (other - one) / checked, smooth, variance};
  });
  const centre = sum(rows.map(({weight, smooth}) => weight * smooth));
  const same = 1 - sum(rows.map(({weight}) => weight));
  const within = sum(rows.map(({weight, variance}) => weight ** 2 * variance));
  const between = (sum(rows.map(({weight, smooth}) => weight * (smooth - centre) ** 2)) + same * centre ** 2) / total;
  const reach = Z * Math.sqrt(within + between);
  return {
    difference: sum(rows.map(({weight, plain}) => weight * plain)),
    interval: [Math.max(-1, centre - reach), Math.min(1, centre + reach)],
  };
}

/** Wilson (1927), for a share of `count` inputs. `count` can be a fraction. */
export function wilson(share: number, count: number): [low: number, high: number] {
  const scale = 1 + Z ** 2 / count;
  const centre = share + Z ** 2 / (2 * count);
  const reach = Z * Math.sqrt((share * (1 - share)) / count + Z ** 2 / (4 * count ** 2));
  return [Math.max(0, (centre - reach) / scale), Math.min(1, (centre + reach) / scale)];
}

function moreToHalve(checked: number, total: number, within: number, between: number): number | undefined {
  const wanted = (within + between) / 4 - between;
  const needed = Math.ceil((within * checked) / wanted);
  return wanted > 0 && needed <= total ? needed - checked : undefined;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
