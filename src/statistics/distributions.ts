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

/**
 * Two-sided p value of Student's t: the probability of a value at least as far from 0.
 *
 * @param degrees - degrees of freedom, above 0; can be a fraction
 */
export function twoSidedT(t: number, degrees: number): number {
  return incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5);
}

/**
 * The critical value t: a value of the distribution is farther from 0 than t with probability `error`.
 *
 * @param error - total of both sides, above 0, for example 0.05
 */
export function criticalT(error: number, degrees: number): number {
  if (error >= 1) return 0;
  // Newton's method on the logarithms of both sides. There the curve is concave, so all steps but the first come from
  // above.
  let [logT, last] = [0, 0];
  for (let step = 0; step < 60; step++) {
    const t = Math.exp(logT);
    const p = twoSidedT(t, degrees);
    const move = (Math.log(p / error) * p) / (2 * t * density(t, degrees));
    // The first step can lead to a t with p = 0.
    if (!Number.isFinite(move)) {
      logT = (logT + last) / 2;
      continue;
    }
    last = logT;
    logT += move;
    if (Math.abs(move) < 1e-12) break;
  }
  return Math.exp(logT);
}

function density(t: number, degrees: number): number {
  const scale = logGamma((degrees + 1) / 2) - logGamma(degrees / 2) - Math.log(degrees * Math.PI) / 2;
  return Math.exp(scale - ((degrees + 1) / 2) * Math.log1p((t * t) / degrees));
}

const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
] as const;

/** log Γ(x) for x ≥ ½ (Lanczos, 1964, with g = 7 and nine terms: to 15 digits). */
export function logGamma(x: number): number {
  const z = x - 1;
  const base = z + 7.5;
  const series = LANCZOS.reduce(
    (sum, coefficient, index) => sum + (index === 0 ? coefficient : coefficient / (z + index)),
    0,
  );
  return Math.log(Math.sqrt(2 * Math.PI) * series) + (z + 0.5) * Math.log(base) - base;
}

/**
 * The regularized incomplete beta function I_x(a, b): the probability that a number of the distribution Beta(a, b) is
 * at most x. Computed by the continued fraction of DLMF 8.17.22 and Lentz's method, on the side that converges fast.
 *
 * @param x - from 0 to 1
 * @param a - above 0
 * @param b - above 0
 */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  return x < (a + 1) / (a + b + 2) ? lowerTail(x, a, b) : 1 - lowerTail(1 - x, b, a);
}

function lowerTail(x: number, a: number, b: number): number {
  const logFactor = logGammaOfAny(a + b) - logGammaOfAny(a) - logGammaOfAny(b) + a * Math.log(x) + b * Math.log1p(-x);
  return (Math.exp(logFactor) / a) * continuedFraction(x, a, b);
}

/** log Γ(x) for x > 0. */
function logGammaOfAny(x: number): number {
  return x < 0.5 ? logGamma(x + 1) - Math.log(x) : logGamma(x);
}

const TINY = 1e-300;

function continuedFraction(x: number, a: number, b: number): number {
  const nonZero = (value: number) => (Math.abs(value) < TINY ? TINY : value);
  let c = 1;
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  const multiply = (coefficient: number): number => {
    d = 1 / nonZero(1 + coefficient * d);
    c = nonZero(1 + coefficient / c);
    fraction *= c * d;
    return c * d;
  };
  for (let m = 1; m < 100_000; m++) {
    multiply((m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)));
    const change = multiply((-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1)));
    if (Math.abs(change - 1) < 1e-15) break;
  }
  return fraction;
}

/**
 * The x with I_x(a, b) = probability, by bisection: as exact as `incompleteBeta`.
 *
 * @param probability - from 0 to 1
 */
export function betaQuantile(probability: number, a: number, b: number): number {
  if (probability <= 0) return 0;
  if (probability >= 1) return 1;
  let [low, high] = [0, 1];
  for (let middle = 0.5; low < middle && middle < high; middle = (low + high) / 2) {
    if (incompleteBeta(middle, a, b) < probability) low = middle;
    else high = middle;
  }
  return high;
}
