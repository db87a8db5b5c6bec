import {meansOverClasses} from './by-class.ts';
import {argmaxRows, divergenceRows, entropyRows, logSoftmaxRows, softmaxRows} from './distributions.ts';
import {type ReliabilityOptions, reliability} from './reliability.ts';
import {mean} from './statistics.ts';

// In this file `logits` are [count, classes], row-major, and can be log-probabilities; `labels` are [count].

/** Share of rows whose best class, the lowest one on ties, is the label. */
export function accuracy(logits: ArrayLike<number>, labels: ArrayLike<number>, classes: number): number {
  return mean(argmaxRows(logits, classes).map((named, row) => (named === labels[row] ? 1 : 0)));
}

/** Share of rows on which both name the same class: top-1 fidelity, Stanton et al. (2021), section 3. */
export function agreement(teacherLogits: ArrayLike<number>, studentLogits: ArrayLike<number>, classes: number): number {
  return accuracy(studentLogits, argmaxRows(teacherLogits, classes), classes);
}

/**
 * The agreement on the inputs that the teacher has wrong: the share of its errors that the student repeats.
 *
 * @param teacherLabels - [count], the classes that the teacher names
 * @param labels - [count], the true classes
 * @returns NaN if the teacher errs nowhere
 */
export function agreementWhereTeacherErrs(
  teacherLabels: ArrayLike<number>,
  studentLogits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
): number {
  const named = argmaxRows(studentLogits, classes);
  const same = Array.from(teacherLabels, (taught, row) => (named[row] === taught ? 1 : 0));
  return mean(same.filter((_, row) => teacherLabels[row] !== labels[row]));
}

/** Mean negative log-likelihood of the labels, −mean log q_y, in nats. */
export function nll(logits: ArrayLike<number>, labels: ArrayLike<number>, classes: number): number {
  const logQ = logSoftmaxRows(logits, classes);
  return -mean(Array.from(labels, (label, row) => logQ[row * classes + label]!));
}

/** mean Σ_c (q_c − 1[c = y])², from 0 to 2. Brier (1950). */
export function brier(logits: ArrayLike<number>, labels: ArrayLike<number>, classes: number): number {
  const q = softmaxRows(logits, classes);
  let sum = 0;
  for (let index = 0; index < q.length; index++) {
    const isLabel = labels[Math.floor(index / classes)] === index % classes;
    sum += (q[index]! - (isLabel ? 1 : 0)) ** 2;
  }
  return sum / (q.length / classes);
}

/**
 * Expected calibration error, Σ_b (n_b / n) · |accuracy_b − confidence_b| over bins of confidence. Guo et al. (2017),
 * equation 3.
 */
export function ece(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  options: ReliabilityOptions = {},
): number {
  let gap = 0;
  for (const bin of reliability(logits, labels, classes, options)) {
    gap += bin.count * Math.abs(bin.accuracy - bin.confidence);
  }
  return gap / labels.length;
}

/**
 * The calibration error over bins of equally many inputs: Σ_b (n_b / n) · |accuracy_b − confidence_b|, where confidence is
 * the probability of the named class. Bin b of B holds the inputs with from b · n / B to (b + 1) · n / B others that are
 * less sure, so equal confidences share a bin. It differs from `ece` in the bins alone. The bins are those of Nixon et al.
 * (2019), section 4.3; Nguyen and O'Connor (2015) apply them to the named class.
 */
export function adaptiveEce(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  {bins = 15}: ReliabilityOptions = {},
): number {
  const [q, named] = [softmaxRows(logits, classes), argmaxRows(logits, classes)];
  const answers = Array.from(named, (best, row) => ({
    confidence: q[row * classes + best]!,
    right: best === labels[row] ? 1 : 0,
  })).sort((one, other) => one.confidence - other.confidence);
  const gaps = new Float64Array(bins);
  let lessSure = 0;
  for (const [rank, {confidence, right}] of answers.entries()) {
    if (confidence > answers[lessSure]!.confidence) lessSure = rank;
    gaps[Math.floor((lessSure * bins) / answers.length)]! += right - confidence;
  }
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / answers.length;
}

export interface TemperatureOptions {
  /**
   * Divides the logits before the softmax.
   *
   * @default 1
   */
  readonly temperature?: number;
}

/** mean KL(teacher || student), in nats. */
export function meanKl(
  teacherLogits: ArrayLike<number>,
  studentLogits: ArrayLike<number>,
  classes: number,
  {temperature = 1}: TemperatureOptions = {},
): number {
  return mean(divergenceRows(teacherLogits, studentLogits, classes, temperature));
}

/** Mean entropy of the distributions, in nats. */
export function meanEntropy(
  logits: ArrayLike<number>,
  classes: number,
  {temperature = 1}: TemperatureOptions = {},
): number {
  return mean(entropyRows(logits, classes, temperature));
}

/** Mean confidence minus accuracy: above 0 if a model is overconfident. */
export function overconfidence(logits: ArrayLike<number>, labels: ArrayLike<number>, classes: number): number {
  const [q, named] = [softmaxRows(logits, classes), argmaxRows(logits, classes)];
  return mean(Array.from(named, (best, row) => q[row * classes + best]!)) - accuracy(logits, labels, classes);
}

/** Accuracy and calibration of a model's answers. Rates are fractions, the rest is in nats. */
export interface Evaluation {
  readonly accuracy: number;
  /** Mean recall over the classes. */
  readonly balancedAccuracy: number;
  /** Mean F1 over the classes. */
  readonly macroF1: number;
  readonly nll: number;
  readonly brier: number;
  readonly ece: number;
  /** Calibration error over bins of equally many inputs. */
  readonly adaptiveEce: number;
  /** Mean entropy. */
  readonly entropy: number;
  readonly overconfidence: number;
}

/** How close a model is to its teacher. */
export interface Fidelity {
  readonly agreement: number;
  /** Mean KL(teacher || student) at T = 1. */
  readonly klToTeacher: number;
}

export interface EvaluateOptions {
  /** [count, classes], or log-probabilities */
  readonly logits: ArrayLike<number>;
  /** [count], the true classes */
  readonly labels: ArrayLike<number>;
  readonly classes: number;
  /** [count, classes], or log-probabilities */
  readonly teacherLogits?: ArrayLike<number> | undefined;
}

/** All metrics of one model on one split. Fidelity is included if the teacher's logits are given. */
export function evaluateLogits(
  options: EvaluateOptions & {readonly teacherLogits: ArrayLike<number>},
): Evaluation & Fidelity;
export function evaluateLogits(options: EvaluateOptions): Evaluation & Partial<Fidelity>;
export function evaluateLogits({
  logits,
  labels,
  classes,
  teacherLogits,
}: EvaluateOptions): Evaluation & Partial<Fidelity> {
  return {
    accuracy: accuracy(logits, labels, classes),
    ...meansOverClasses(logits, labels, classes),
    nll: nll(logits, labels, classes),
    brier: brier(logits, labels, classes),
    ece: ece(logits, labels, classes),
    adaptiveEce: adaptiveEce(logits, labels, classes),
    entropy: meanEntropy(logits, classes),
    overconfidence: overconfidence(logits, labels, classes),
    ...(teacherLogits && {
      agreement: agreement(teacherLogits, logits, classes),
      klToTeacher: meanKl(teacherLogits, logits, classes),
    }),
  };
}
