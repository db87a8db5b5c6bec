/**
 * erfc(x) for x >= 0. Abramowitz and Stegun (1964): for small x the series of positive terms 7.1.6, and for greater x
 * the continued fraction 7.1.14, from its tail.
 */
export function complementaryError(x: number): number {
  const density = Math.exp(-x * x) / Math.sqrt(Math.PI);
  if (x < 2) {
    let [term, sum] = [x, 0];
    for (let n = 1; sum + term !== sum; n++) {
      sum += term;
      term *= (2 * x * x) / (2 * n + 1);
    }
    return 1 - 2 * density * sum;
  }
  let tail = x;
  for (let n = 100; n > 0; n--) tail = x + n / 2 / tail;
  return density / tail;
}

/** The probability that a number of the standard normal distribution is above x. */
export function normalTail(x: number): number {
  const half = complementaryError(Math.abs(x) / Math.SQRT2) / 2;
  return x < 0 ? 1 - half : half;
}
