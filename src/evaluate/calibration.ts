import {InputError} from '../errors.ts';
import {argmaxRows, softmaxRows} from './distributions.ts';

// In this file `logits` are [count, classes], row-major, of inputs that the model did not learn from; `labels` are [count].

export interface FitTemperatureOptions {
  /**
   * Whether each label is taken to be wrong once in count + 2 times (Platt, 1999, section 2.2). Without, a model that is
   * right of all is told to be certain.
   *
   * @default true
   */
  readonly smooth?: boolean;
}

/** No temperature is fitted outside these. */
const COLDEST = 0.01;
const HOTTEST = 100;

/**
 * The T > 0 that minimises the mean negative log-likelihood of softmax(logits / T). Guo et al. (2017), On calibration of
 * modern neural networks, section 4.2. The mean is convex in 1 / T, so the slope's one root is bisected.
 *
 * @returns from 0.01 to 100
 * @throws InputError where there is no input
 */
export function fitTemperature(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  {smooth = true}: FitTemperatureOptions = {},
): number {
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
  // In logarithms, so that a fit near either end is as exact.
  let [low, high] = [Math.log(COLDEST), Math.log(HOTTEST)];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (meanLogit(logits, classes, Math.exp(middle)) * count > wanted) low = middle;
    else high = middle;
  }
  return Math.exp((low + high) / 2);
}

/** Mean over rows of Σ_c q_c · logit_c, q at the temperature: falls as that rises. */
function meanLogit(logits: ArrayLike<number>, classes: number, temperature: number): number {
  const q = softmaxRows(logits, classes, temperature);
  let sum = 0;
  for (let index = 0; index < q.length; index++) sum += q[index]! * logits[index]!;
  return (sum * classes) / q.length;
}

export interface Cascaded {
  /** Share of inputs that the model answers by itself. */
  readonly localShare: number;
  /** Share of all inputs on which the answer is the teacher's, those that the teacher itself answers included. */
  readonly agreement: number;
}

/** What becomes of these inputs where the teacher answers those of which the model is less sure than the threshold. */
export function cascaded(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  {temperature, threshold = 0}: {readonly temperature: number; readonly threshold?: number},
): Cascaded {
  const answers = answersOf(logits, labels, classes, temperature);
  const local = answers.filter(({confidence}) => confidence >= threshold);
  return {
    localShare: local.length / answers.length,
    agreement: 1 - local.filter(({isRight}) => !isRight).length / answers.length,
  };
}

/**
 * The least threshold with which a cascade agrees with the teacher as often as wanted: by what happened on these inputs,
 * and by what the model's own confidences lead to expect, since few inputs leave few mistakes to count.
 *
 * @param wanted - agreement from 0 to 1
 * @returns from 0, where the model alone is good enough, to 1
 */
export function thresholdFor(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  {temperature, agreement: wanted}: {readonly temperature: number; readonly agreement: number},
): number {
  const answers = answersOf(logits, labels, classes, temperature).sort((a, b) => b.confidence - a.confidence);
  // A hair more: 1 - 0.8 is less than 0.2.
  const allowed = (1 - wanted) * answers.length + 1e-9;
  let [wrong, expected] = [0, 0];
  let threshold = 1;
  for (const [place, {confidence, isRight}] of answers.entries()) {
    wrong += isRight ? 0 : 1;
    expected += 1 - confidence;
    if (Math.max(wrong, expected) > allowed) return threshold;
    // Answers of one confidence stand or fall together.
    if (confidence !== answers[place + 1]?.confidence) threshold = confidence;
  }
  return 0;
}

interface LocalAnswer {
  readonly confidence: number;
  readonly isRight: boolean;
}

function answersOf(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  temperature: number,
): LocalAnswer[] {
  const probabilities = softmaxRows(logits, classes, temperature);
  return Array.from(argmaxRows(logits, classes), (named, row) => ({
    confidence: Math.min(1, probabilities[row * classes + named]!),
    isRight: named === labels[row],
  }));
}
