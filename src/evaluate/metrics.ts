import {z} from 'zod';
import {argmaxRows, type Distributions, distributionsOf, logSoftmaxRows, softmaxRows} from '../data/arrays.ts';
import {checkOptions, kinds} from '../options.ts';
import {meansOverClasses} from './by-class.ts';
import {adaptiveEceOf, eceOf} from './reliability.ts';
import {mean} from './statistics.ts';

// In this file `logits` are [count, classes], row-major, and can be log-probabilities; `labels` are [count].

/** Share of rows whose best class, the lowest one on ties, is the label. */
export function accuracy(logits: ArrayLike<number>, labels: ArrayLike<number>, classes: number): number {
  return accuracyOf({named: argmaxRows(logits, classes)}, labels);
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
  return meanWhereTeacherErrs(same, teacherLabels, labels);
}

/**
 * The mean over the inputs that the teacher has wrong.
 *
 * @param values - [count]
 * @returns NaN if the teacher errs nowhere
 */
export function meanWhereTeacherErrs(
  values: ArrayLike<number>,
  teacherLabels: ArrayLike<number>,
  labels: ArrayLike<number>,
): number {
  return mean(Array.from(values).filter((_, row) => teacherLabels[row] !== labels[row]));
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
  return nllOf(distributionsOf(logits, classes), labels);
}

/** mean Σ_c (q_c − 1[c = y])², from 0 to 2. Brier (1950). */
export function brier(logits: ArrayLike<number>, labels: ArrayLike<number>, classes: number): number {
  return brierOf(distributionsOf(logits, classes), labels);
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
  options: TemperatureOptions = {},
): number {
  checkOptions('meanKl', options, {temperature: kinds.number});
  const {temperature = 1} = options;
  const [teacher, student] = [teacherLogits, studentLogits].map(logits =>
    distributionsOf(logits, classes, temperature),
  );
  return meanKlOf(teacher!, student!);
}

/** The same of distributions. */
export function meanKlOf(teacher: Distributions, student: Distributions): number {
  return mean(divergences(teacher, student));
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
export function meanEntropy(logits: ArrayLike<number>, classes: number, options: TemperatureOptions = {}): number {
  checkOptions('meanEntropy', options, {temperature: kinds.number});
  const {temperature = 1} = options;
  return mean(entropies({logProbabilities: logSoftmaxRows(logits, classes, temperature), classes}));
}

/** Mean confidence minus accuracy: above 0 if a model is overconfident. */
export function overconfidence(logits: ArrayLike<number>, labels: ArrayLike<number>, classes: number): number {
  return overconfidenceOf(distributionsOf(logits, classes), labels);
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

/** Each takes lists and typed arrays. */
const numbers = z.custom<ArrayLike<number>>(
  value => Array.isArray(value) || ArrayBuffer.isView(value),
  'a list of numbers',
);
const EVALUATION = {logits: numbers, labels: numbers, classes: kinds.number, teacherLogits: numbers};

/** All metrics of one model on one split. Fidelity is included if the teacher's logits are given. */
export function evaluateLogits(
  options: EvaluateOptions & {readonly teacherLogits: ArrayLike<number>},
): Evaluation & Fidelity;
export function evaluateLogits(options: EvaluateOptions): Evaluation & Partial<Fidelity>;
export function evaluateLogits(options: EvaluateOptions): Evaluation & Partial<Fidelity> {
  checkOptions('evaluateLogits', options, EVALUATION, ['logits', 'labels', 'classes']);
  const {logits, labels, classes, teacherLogits} = options;
  const student = distributionsOf(logits, classes);
  return evaluate(student, labels, teacherLogits && distributionsOf(teacherLogits, classes));
}

/** The same of distributions. */
export function evaluate(
  student: Distributions,
  labels: ArrayLike<number>,
  teacher?: Distributions | undefined,
): Evaluation & Partial<Fidelity> {
  return {
    accuracy: accuracyOf(student, labels),
    ...meansOverClasses(student.named, labels, student.classes),
    nll: nllOf(student, labels),
    brier: brierOf(student, labels),
    ece: eceOf(student, labels),
    adaptiveEce: adaptiveEceOf(student, labels),
    entropy: mean(entropies(student)),
    overconfidence: overconfidenceOf(student, labels),
    ...(teacher && {
      agreement: accuracyOf(student, teacher.named),
      klToTeacher: meanKlOf(teacher, student),
    }),
  };
}

/** Share of rows whose named class is the label. */
function accuracyOf({named}: Pick<Distributions, 'named'>, labels: ArrayLike<number>): number {
  return mean(named.map((best, row) => (best === labels[row] ? 1 : 0)));
}

function nllOf({logProbabilities, classes}: Distributions, labels: ArrayLike<number>): number {
  return -mean(Array.from(labels, (label, row) => logProbabilities[row * classes + label]!));
}

function brierOf({logProbabilities, classes}: Distributions, labels: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < logProbabilities.length; index++) {
    const isLabel = labels[Math.floor(index / classes)] === index % classes;
    sum += (Math.exp(logProbabilities[index]!) - (isLabel ? 1 : 0)) ** 2;
  }
  return sum / (logProbabilities.length / classes);
}

function overconfidenceOf(model: Distributions, labels: ArrayLike<number>): number {
  return mean(model.confidences) - accuracyOf(model, labels);
}

/** Entropy of each distribution, in nats. */
export function entropies({
  logProbabilities,
  classes,
}: Pick<Distributions, 'logProbabilities' | 'classes'>): Float64Array {
  const values = new Float64Array(logProbabilities.length / classes);
  for (let index = 0; index < logProbabilities.length; index++) {
    const probability = Math.exp(logProbabilities[index]!);
    if (probability > 0) values[Math.floor(index / classes)]! -= probability * logProbabilities[index]!;
  }
  return values;
}

/** KL(p || q) of each pair of distributions, in nats; Infinity if q excludes a class that p does not. */
function divergences(
  {logProbabilities: logP, classes}: Distributions,
  {logProbabilities: logQ}: Distributions,
): Float64Array {
  const values = new Float64Array(logP.length / classes);
  for (let index = 0; index < logP.length; index++) {
    const probability = Math.exp(logP[index]!);
    if (probability > 0) values[Math.floor(index / classes)]! += probability * (logP[index]! - logQ[index]!);
  }
  return values;
}
