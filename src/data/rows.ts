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
