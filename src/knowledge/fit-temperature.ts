import {logSumExpOfRow} from '../data/arrays.ts';
import {InputError} from '../errors.ts';
import {checkOptions, kinds} from '../options.ts';

// In this file `logits` are [count, classes], row-major, of inputs that the model did not learn from. `labels` are
// [count].

export interface FitTemperatureOptions {
  /**
   * True to assume that each label is wrong once in count + 2 times (Platt, 1999, section 2.2). Otherwise a model that
   * is right about every input would become certain.
   *
   * @default true
   */
  readonly smooth?: boolean;
}

/** The bounds of a fitted temperature. */
const COLDEST = 0.01;
const HOTTEST = 100;

/**
 * The T > 0 that minimises the mean negative log-likelihood of softmax(logits / T). Guo et al. (2017), On calibration
 * of modern neural networks, section 4.2. The mean is convex in 1 / T, so the one root of the slope is bisected.
 *
 * @returns from 0.01 to 100
 * @throws InputError if there is no input
 */
export function fitTemperature(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  options: FitTemperatureOptions = {},
): number {
  checkOptions('fitTemperature', options, {smooth: kinds.flag});
  const {smooth = true} = options;
  const count = labels.length;
  if (count === 0) throw new InputError('A temperature can not be fitted to no answers. Give some.');
  const target = smooth ? (count + 1) / (count + 2) : 1;
  const other = (1 - target) / Math.max(1, classes - 1);
  const wanted = Array.from({length: count}, (_, row) => {
    let sum = 0;
    for (let index = 0; index < classes; index++) {
      sum += (index === labels[row] ? target : other) * logits[row * classes + index]!;
    }
    return sum;
  }).reduce((total, value) => total + value, 0);
  // The search runs on logarithms, so that a fit near either end is as exact.
  let [low, high] = [Math.log(COLDEST), Math.log(HOTTEST)];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (meanLogit(logits, classes, Math.exp(middle)) * count > wanted) low = middle;
    else high = middle;
  }
  return Math.exp((low + high) / 2);
}

/**
 * The standard error of log T, as if the model's own probabilities at T were true: 1 / √(Σ_i Var_q_i(logit / T)), by the
 * Fisher information of T.
 */
export function temperatureError(logits: ArrayLike<number>, classes: number, temperature: number): number {
  let information = 0;
  for (let start = 0; start < logits.length; start += classes) {
    const logTotal = logSumExpOfRow(logits, start, classes, temperature);
    // log q, which varies as the logits do and loses no digits if they are large.
    const logs = Array.from({length: classes}, (_, index) => logits[start + index]! / temperature - logTotal);
    const sumOf = (value: (log: number) => number) =>
      logs.reduce((sum, log) => (log === Number.NEGATIVE_INFINITY ? sum : sum + Math.exp(log) * value(log)), 0);
    const mean = sumOf(log => log);
    information += sumOf(log => (log - mean) ** 2);
  }
  return 1 / Math.sqrt(information);
}

/** Mean over rows of Σ_c q_c · logit_c, with q at the temperature. It falls as the temperature rises. */
function meanLogit(logits: ArrayLike<number>, classes: number, temperature: number): number {
  let sum = 0;
  for (let start = 0; start < logits.length; start += classes) {
    const logTotal = logSumExpOfRow(logits, start, classes, temperature);
    for (let index = start; index < start + classes; index++) {
      sum += Math.exp(logits[index]! / temperature - logTotal) * logits[index]!;
    }
  }
  return (sum * classes) / logits.length;
}
