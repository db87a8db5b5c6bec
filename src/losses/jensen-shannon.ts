import {tf} from '../engine/tf.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {type LogitTerm, logitTerm} from './logit-term.ts';
import {checkShare} from './loss.ts';
import {meanDivergence, meanOfRows, type RowWeights, rowDivergence} from './rows.ts';
import {softenBy, type Temperature, timesSquare} from './temperature.ts';

export interface JensenShannonOptions {
  /**
   * T. It divides the logits of both sides before the softmax.
   *
   * @default 1
   */
  readonly temperature?: number;
  /**
   * β, from 0 to 1: 0 is KL(teacher || student), 1 is KL(student || teacher). Close to these ends, the loss is close to
   * β or 1 − β times their values, so another β needs another weight.
   *
   * @default 0.5
   */
  readonly beta?: number;
  /**
   * True multiplies by T².
   *
   * @default true
   */
  readonly scaleByT2?: boolean;
}

const KINDS = {
  weight: kinds.number,
  temperature: kinds.number,
  beta: kinds.number,
  scaleByT2: kinds.flag,
} satisfies Shape<JensenShannonTermOptions>;

/**
 * T² · mean_i (β · KL(p_i || m_i) + (1 − β) · KL(q_i || m_i)), with p = softmax(teacher / T), q = softmax(student / T)
 * and m = β · p + (1 − β) · q; KL(p || q) at β = 0 and KL(q || p) at β = 1.
 *
 * The generalised Jensen-Shannon divergence of Agarwal et al. (2024), On-Policy Distillation of Language Models,
 * section 2. For β between 0 and 1 it never exceeds T² · log 2.
 *
 * @param teacherLogits - [batch, classes], logits or log-probabilities, all finite
 * @param studentLogits - [batch, classes]
 */
export function jensenShannonLoss(
  teacherLogits: tf.Tensor2D,
  studentLogits: tf.Tensor2D,
  options: JensenShannonOptions & RowWeights = {},
): tf.Scalar {
  return mixed(teacherLogits, studentLogits, options.temperature ?? 1, options);
}

function mixed(
  teacher: tf.Tensor2D,
  student: tf.Tensor2D,
  T: Temperature,
  {beta = 0.5, scaleByT2 = true, weights}: JensenShannonOptions & RowWeights,
): tf.Scalar {
  return tf.tidy(() => {
    const logP = tf.logSoftmax(softenBy(teacher, T));
    const logQ = tf.logSoftmax(softenBy(student, T));
    const divergence = divergenceAt(beta, logP, logQ, weights);
    return scaleByT2 ? timesSquare(divergence, T) : divergence;
  });
}

function divergenceAt(beta: number, logP: tf.Tensor, logQ: tf.Tensor, weights: tf.Tensor1D | undefined): tf.Scalar {
  if (beta === 0) return meanDivergence(logP, logQ, weights);
  if (beta === 1) return meanDivergence(logQ, logP, weights);
  const logM = tf.logSumExp(tf.stack([tf.add(logP, Math.log(beta)), tf.add(logQ, Math.log(1 - beta))]), 0);
  const ofTeacher = tf.mul(rowDivergence(logP, logM), beta);
  return meanOfRows(tf.add(ofTeacher, tf.mul(rowDivergence(logQ, logM), 1 - beta)), weights);
}

export interface JensenShannonTermOptions extends JensenShannonOptions {
  /**
   * λ of the term.
   *
   * @default 1
   */
  readonly weight?: number;
}

/** The student learns the teacher's distribution through a divergence between forward and reverse KL. */
export function jensenShannon(options: JensenShannonTermOptions = {}): LogitTerm {
  checkOptions('jensenShannon', options, KINDS);
  const {weight = 1, temperature = 1, beta = 0.5, scaleByT2 = true} = options;
  checkShare('beta', beta);
  return logitTerm({
    name: 'jensen-shannon',
    weight,
    temperature,
    compare: ({teacher, student, weights}, T) => mixed(teacher, student, T, {beta, scaleByT2, weights}),
  });
}
