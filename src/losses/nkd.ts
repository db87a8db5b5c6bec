import {tf} from '../engine/tf.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {type LogitBatch, type LogitTerm, logitTerm} from './logit-term.ts';
import {checkPartWeight} from './loss.ts';
import {labelMask, meanOfRows, type RowWeights, withoutClasses} from './rows.ts';
import {softenBy, type Temperature, timesSquare} from './temperature.ts';

export interface NkdOptions {
  /**
   * T, the temperature of the classes other than the label. Published: 1 for ImageNet, 3 for CIFAR-100.
   *
   * @default 1
   */
  readonly temperature?: number;
  /**
   * γ, the weight of the classes other than the label. Published: 1.5 for ImageNet, 3.5 for CIFAR-100.
   *
   * @default 1.5
   */
  readonly gamma?: number;
}

/**
 * −mean_i p_y · log q_y − γ · T² · mean_i Σ_{c ≠ y} p̂_c · log q̂_c: with y the label, p = softmax(teacher) and
 * q = softmax(student), and p̂ and q̂ those of the logits divided by T, renormalised over the classes other than y.
 *
 * Yang et al. (2023), From Knowledge Distillation to Self-Knowledge Distillation, section 3. It consists of
 * cross-entropies and not divergences, so its minimum is not 0.
 *
 * @param teacherLogits - [batch, classes], logits or log-probabilities, all finite
 * @param studentLogits - [batch, classes]
 * @param labels - [batch], int32
 */
export function nkdLoss(
  teacherLogits: tf.Tensor2D,
  studentLogits: tf.Tensor2D,
  labels: tf.Tensor1D,
  {temperature = 1, weights, ...options}: NkdOptions & RowWeights = {},
): tf.Scalar {
  return normalised({teacher: teacherLogits, student: studentLogits, labels, weights}, temperature, options);
}

function normalised(
  {teacher, student, labels, weights}: LogitBatch,
  T: Temperature,
  {gamma = 1.5}: NkdOptions,
): tf.Scalar {
  return tf.tidy(() => {
    const label = labelMask(labels, student.shape[1]);
    const ofLabel = crossEntropy(tf.mul(tf.exp(tf.logSoftmax(teacher)), label), tf.logSoftmax(student), weights);
    const [othersP, othersQ] = [teacher, student].map(logits =>
      tf.logSoftmax(withoutClasses(softenBy(logits, T), label)),
    );
    const others = crossEntropy(tf.exp(othersP!), othersQ!, weights);
    return tf.add(ofLabel, timesSquare(others, T, gamma));
  });
}

/** −mean_i Σ_c p_ic · log q_ic */
function crossEntropy(p: tf.Tensor, logQ: tf.Tensor, weights: tf.Tensor1D | undefined): tf.Scalar {
  return tf.neg(meanOfRows(tf.sum(tf.mul(p, logQ), -1), weights));
}

export interface NkdTermOptions extends NkdOptions {
  /**
   * λ of the term.
   *
   * @default 1
   */
  readonly weight?: number;
}

const KINDS = {weight: kinds.number, temperature: kinds.number, gamma: kinds.number} satisfies Shape<NkdTermOptions>;

/**
 * The student learns how sure the teacher is of its label, and the other classes as if there were no label. Combine it
 * with `hardLabels()`.
 */
export function nkd(options: NkdTermOptions = {}): LogitTerm {
  checkOptions('nkd', options, KINDS);
  const {weight = 1, temperature = 1, gamma = 1.5} = options;
  checkPartWeight('gamma', gamma);
  return logitTerm({
    name: 'nkd',
    weight,
    temperature,
    compare: (batch, T) => normalised(batch, T, {gamma}),
  });
}
