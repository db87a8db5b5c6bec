import {meansOverClasses} from './by-class.ts';
import {argmaxRows, divergenceRows, entropyRows, logSoftmaxRows, softmaxRows} from './distributions.ts';
import {calibrationGap, type ReliabilityOptions, reliability} from './reliability.ts';
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

/** The agreement on inputs about which several questions were asked. */
export interface JointAgreement {
  /** Share of the inputs on which both name the same class in answer to every question with an answer. */
  readonly agreement: number;
  /** Number of inputs with an answer to a question at least. */
  readonly inputs: number;
}

/**
 * How often the whole reply to an input is the same: agreement on all questions with an answer. An input without any
 * answer does not count.
 *
 * @param teacherLabels - [count, questions], the class that the teacher names; -1 if it gave no answer
 * @param studentLabels - [count, questions]
 */
export function jointAgreement(
  teacherLabels: ArrayLike<number>,
  studentLabels: ArrayLike<number>,
  questions: number,
): JointAgreement {
  const same: number[] = [];
  for (let start = 0; start < teacherLabels.length; start += questions) {
    const cells = Array.from({length: questions}, (_, question) => start + question);
    const answered = cells.filter(cell => teacherLabels[cell]! >= 0);
    if (answered.length === 0) continue;
    same.push(answered.every(cell => studentLabels[cell] === teacherLabels[cell]) ? 1 : 0);
  }
  return {agreement: mean(same), inputs: same.length};
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
  return calibrationGap(reliability(logits, labels, classes, options));
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

/** mean ½ Σ_c |q_c − p_c|, the total variation distance of student and teacher, from 0 to 1. */
export function totalVariation(
  teacherLogits: ArrayLike<number>,
  studentLogits: ArrayLike<number>,
  classes: number,
): number {
  return sumOfCosts(teacherLogits, studentLogits, classes, Math.abs) / 2;
}

/** mean Σ_c (q_c − p_c)², the score of Brier (1950) with the teacher's distribution instead of a label, from 0 to 2. */
export function brierToTeacher(
  teacherLogits: ArrayLike<number>,
  studentLogits: ArrayLike<number>,
  classes: number,
): number {
  return sumOfCosts(teacherLogits, studentLogits, classes, difference => difference ** 2);
}

/** mean Σ_c cost(q_c − p_c) */
function sumOfCosts(
  teacherLogits: ArrayLike<number>,
  studentLogits: ArrayLike<number>,
  classes: number,
  cost: (difference: number) => number,
): number {
  const p = softmaxRows(teacherLogits, classes);
  const costs = softmaxRows(studentLogits, classes).map((probability, index) => cost(probability - p[index]!));
  return mean(costs) * classes;
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
