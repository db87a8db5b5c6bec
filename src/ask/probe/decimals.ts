/** The accepted probability that unrounded numbers look rounded by chance. */
const CHANCE = 1e-6;

interface DecimalsOptions {
  /** How far a value can be from the rounded number. */
  readonly errorOf: (value: number) => number;
  /** The most decimals to look for. */
  readonly most: number;
}

/**
 * The decimals to which values were rounded: the fewest that express all of them. Undefined if they were not rounded,
 * or if there are too few values to know. Zero and one give no evidence, because certainty looks the same either way.
 */
export function decimalsOf(values: Iterable<number>, {errorOf, most}: DecimalsOptions): number | undefined {
  const distinct = [...new Set(values)].filter(value => {
    const error = errorOf(value);
    return Number.isFinite(value) && Math.abs(value) > error && Math.abs(value - 1) > error;
  });
  for (let decimals = 0; decimals <= most; decimals++) {
    const scale = 10 ** decimals;
    const isOnGrid = distinct.every(
      value => Math.abs(value * scale - Math.round(value * scale)) <= errorOf(value) * scale,
    );
    if (!isOnGrid) continue;
    const chance = distinct.reduce((product, value) => product * Math.min(1, 2 * errorOf(value) * scale), 1);
    return chance <= CHANCE ? decimals : undefined;
  }
  return undefined;
}

/** Half a unit in the last place of single precision. */
const SINGLE = 2 ** -24;

/** For natural log-probabilities in single precision. */
export const OF_LOGARITHMS: DecimalsOptions = {errorOf: value => Math.abs(value) * SINGLE, most: 5};

/** For probabilities that were computed from such log-probabilities. */
export const OF_PROBABILITIES: DecimalsOptions = {
  errorOf: value => value * (Math.abs(Math.log(value)) + 2) * SINGLE,
  most: 5,
};

/** For numbers in JSON, including those of single precision. */
export const OF_DOUBLES: DecimalsOptions = {errorOf: value => Math.abs(value) * 1e-12, most: 9};

/** The least and the most of some numbers. */
export interface Range {
  readonly least: number;
  readonly most: number;
}

/** Undefined if there are no numbers. */
export function rangeOf(values: readonly number[]): Range | undefined {
  if (values.length === 0) return undefined;
  return values.reduce<Range>(
    ({least, most}, value) => ({least: Math.min(least, value), most: Math.max(most, value)}),
    {least: Number.POSITIVE_INFINITY, most: Number.NEGATIVE_INFINITY},
  );
}

/** For an even number of values, the mean of the two in the middle; undefined for no values. */
export function medianOf(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}
