/** How likely it may be that numbers which nobody rounded look as if somebody had. */
const CHANCE = 1e-6;

export interface DecimalsOptions {
  /** How far a value may be from what was rounded. */
  readonly errorOf: (value: number) => number;
  /** The most decimals to look for. */
  readonly most: number;
}

/**
 * To how many decimals values were rounded: the fewest by which all of them are told. Undefined where they were not
 * rounded, or where there are too few of them to know. Zero and one tell nothing: what is sure is both.
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

/** Half of the last place of single precision. */
const SINGLE = 2 ** -24;

/** Of natural log-probabilities in single precision. */
export const OF_LOGARITHMS: DecimalsOptions = {errorOf: value => Math.abs(value) * SINGLE, most: 5};

/** Of probabilities that were made of such. */
export const OF_PROBABILITIES: DecimalsOptions = {
  errorOf: value => value * (Math.abs(Math.log(value)) + 2) * SINGLE,
  most: 5,
};

/** Of numbers as they stand in JSON, those of single precision among them. */
export const OF_DOUBLES: DecimalsOptions = {errorOf: value => Math.abs(value) * 1e-12, most: 9};
