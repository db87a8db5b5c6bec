/** The bytes that values are held in, in the same memory. */
export function bytesOf({buffer, byteOffset, byteLength}: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** True if two lists name the same classes in the same order. Only then does an index mean the same in both. */
export function sameClasses(one: readonly string[], other: readonly string[]): boolean {
  return sameValues(one, other);
}

/** True if two lists hold the same values in the same order. */
export function sameValues(one: ArrayLike<unknown>, other: ArrayLike<unknown>): boolean {
  if (one.length !== other.length) return false;
  for (let index = 0; index < one.length; index++) if (one[index] !== other[index]) return false;
  return true;
}

/** Index of the largest value of a row, counted from the row's start; the lowest one on ties. */
export function argmaxOfRow(values: ArrayLike<number>, start: number, length: number): number {
  let best = 0;
  for (let index = 1; index < length; index++) {
    if (values[start + index]! > values[start + best]!) best = index;
  }
  return best;
}

/** log Σ exp(value / T) of a row, in double precision, with no overflow. -Infinity counts as nothing. */
export function logSumExpOfRow(values: ArrayLike<number>, start: number, length: number, temperature = 1): number {
  const peak = values[start + argmaxOfRow(values, start, length)]! / temperature;
  if (peak === Number.NEGATIVE_INFINITY) return peak;
  let sum = 0;
  for (let index = start; index < start + length; index++) sum += Math.exp(values[index]! / temperature - peak);
  return peak + Math.log(sum);
}
