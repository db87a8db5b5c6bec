import {tf} from '../engine/tf.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {type LogitBatch, type LogitTerm, logitTerm} from './logit-term.ts';
import {checkPartWeight, checkShare, rampUp} from './loss.ts';
import {labelMask, meanOfRows, onlyClasses, type RowWeights, rowDivergence, withoutClasses} from './rows.ts';
import {softenBy, type Temperature, timesSquare} from './temperature.ts';

export interface DkdOptions {
  /**
   * T. It divides the logits of both sides before the softmax.
   *
   * @default 4
   */
  readonly temperature?: number;
  /**
   * α, the weight of the share of mass on the label.
   *
   * @default 1
   */
  readonly alpha?: number;
  /**
   * β, the weight of the distribution over the other classes. Published for CIFAR-100: 8, and 2 for a ResNet-56 and a
   * ResNet-20.
   *
   * @default 8
   */
  readonly beta?: number;
}

/**
 * T² · mean_i (α · TCKD_i + β · NCKD_i): with y the label, p = softmax(teacher / T), q = softmax(student / T),
 *
 * - TCKD = KL([p_y, 1 − p_y] || [q_y, 1 − q_y])
 * - NCKD = KL(p̂ || q̂), with p̂ and q̂ renormalised over the classes other than y.
 *
 * Zhao et al. (2022), Decoupled Knowledge Distillation, section 3. The loss of soft labels is TCKD + (1 − p_y) · NCKD.
 * Its factor 1 − p_y suppresses what a confident teacher knows about the other classes. log(1 − p_y) is a log-sum-exp
 * over these classes, so that it is right even if p_y rounds to 1.
 *
 * @param teacherLogits - [batch, classes], logits or log-probabilities, all finite
 * @param studentLogits - [batch, classes]
 * @param labels - [batch], int32
 */
export function dkdLoss(
  teacherLogits: tf.Tensor2D,
  studentLogits: tf.Tensor2D,
  labels: tf.Tensor1D,
  {temperature = 4, weights, ...options}: DkdOptions & RowWeights = {},
): tf.Scalar {
  return decoupled({teacher: teacherLogits, student: studentLogits, labels, weights}, temperature, options);
}

function decoupled(
  {teacher, student, labels, weights}: LogitBatch,
  T: Temperature,
  {alpha = 1, beta = 8}: DkdOptions,
): tf.Scalar {
  return tf.tidy(() => {
    const label = labelMask(labels, student.shape[1]);
    const softened = [teacher, student].map(logits => softenBy(logits, T));
    const [ofLabelP, ofLabelQ] = softened.map(logits => labelOrNot(logits, label));
    const [othersP, othersQ] = softened.map(logits => tf.logSoftmax(withoutClasses(logits, label)));
    const target = rowDivergence(ofLabelP!, ofLabelQ!);
    const others = rowDivergence(othersP!, othersQ!);
    return timesSquare(meanOfRows(tf.add(tf.mul(target, alpha), tf.mul(others, beta)), weights), T);
  });
}

/** [batch, 2]: the log-probabilities of the label and of all other classes together. */
function labelOrNot(logits: tf.Tensor2D, label: tf.Tensor2D): tf.Tensor {
  const parts = [onlyClasses(logits, label), withoutClasses(logits, label)];
  return tf.logSoftmax(
    tf.stack(
      parts.map(part => tf.logSumExp(part, -1)),
      1,
    ),
  );
}

export interface DkdTermOptions extends DkdOptions {
  /**
   * λ of the term.
   *
   * @default 1
   */
  readonly weight?: number;
  /**
   * Share of the run, from 0 to 1, in which the term grows from 0 to its full value. The authors: 20 of 240 epochs.
   *
   * @default 0.2
   */
  readonly warmUp?: number;
}

const KINDS = {
  weight: kinds.number,
  temperature: kinds.number,
  alpha: kinds.number,
  beta: kinds.number,
  warmUp: kinds.number,
} satisfies Shape<DkdTermOptions>;

/**
 * The student learns separately how sure the teacher is of its label, and how it ranks the other classes. Combine it
 * with `hardLabels()`, as its authors do.
 */
export function dkd(options: DkdTermOptions = {}): LogitTerm {
  checkOptions('dkd', options, KINDS);
  const {weight = 1, temperature = 4, alpha = 1, beta = 8, warmUp = 0.2} = options;
  checkPartWeight('alpha', alpha);
  checkPartWeight('beta', beta);
  checkShare('warmUp', warmUp);
  return logitTerm({
    name: 'dkd',
    weight,
    temperature,
    compare: (batch, T) =>
      tf.tidy(() => tf.mul(decoupled(batch, T, {alpha, beta}), rampUp(batch.progress, warmUp)) as tf.Scalar),
  });
}
