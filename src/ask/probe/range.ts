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
