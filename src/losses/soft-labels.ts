import {tf} from '../engine/tf.ts';
import {checkOptions, kinds, oneOf, type Shape} from '../options.ts';
import {type LogitTerm, logitTerm} from './logit-term.ts';
import {meanDivergence, type RowWeights} from './rows.ts';
import {softenBy, type Temperature, timesSquare} from './temperature.ts';

export interface SoftLabelOptions {
  /**
   * T. It divides the logits of both sides before the softmax. A greater T is softer.
   *
   * @default 4
   */
  readonly temperature?: number;
  /**
   * `forward` is KL(teacher || student), `reverse` KL(student || teacher).
   *
   * @default 'forward'
   */
  readonly direction?: 'forward' | 'reverse';
  /**
   * True multiplies by T². Without it gradients shrink as 1 / T², so the effect of a weight would depend on T.
   *
   * @default true
   */
  readonly scaleByT2?: boolean;
}

const KINDS = {
  weight: kinds.number,
  temperature: kinds.number,
  scaleByT2: kinds.flag,
  direction: oneOf('forward', 'reverse'),
} satisfies Shape<SoftLabelTermOptions>;

/**
 * T² · mean_i Σ_c p_ic · (log p_ic − log q_ic), with p = softmax(teacher / T) and q = softmax(student / T).
 *
 * Hinton, Vinyals and Dean (2015), sections 2 and 2.1. The mean is over the batch, not over batch times classes. A
 * softmax ignores a constant added to a row, so log-probabilities instead of the teacher's logits give the same value
 * at every T.
 *
 * @param teacherLogits - [batch, classes], logits or log-probabilities, all finite (`targetsOf` ensures that)
 * @param studentLogits - [batch, classes]
 */
export function softLabelLoss(
  teacherLogits: tf.Tensor2D,
  studentLogits: tf.Tensor2D,
  options: SoftLabelOptions & RowWeights = {},
): tf.Scalar {
  return softened(teacherLogits, studentLogits, options.temperature ?? 4, options);
}

/** `softLabelLoss` at a temperature that can be learned. */
export function softened(
  teacherLogits: tf.Tensor2D,
  studentLogits: tf.Tensor2D,
  T: Temperature,
  {direction = 'forward', scaleByT2 = true, weights}: SoftLabelOptions & RowWeights,
): tf.Scalar {
  return tf.tidy(() => {
    const logP = tf.logSoftmax(softenBy(teacherLogits, T));
    const logQ = tf.logSoftmax(softenBy(studentLogits, T));
    const divergence =
      direction === 'forward' ? meanDivergence(logP, logQ, weights) : meanDivergence(logQ, logP, weights);
    return scaleByT2 ? timesSquare(divergence, T) : divergence;
  });
}

export interface SoftLabelTermOptions extends SoftLabelOptions {
  /**
   * λ of the term.
   *
   * @default 1
   */
  readonly weight?: number;
}

/** The student learns the teacher's whole distribution, softened. */
export function softLabels(options: SoftLabelTermOptions = {}): LogitTerm {
  checkOptions('softLabels', options, KINDS);
  const {weight = 1, temperature = 4, ...rest} = options;
  return logitTerm({
    name: 'soft-labels',
    weight,
    temperature,
    isConvex: rest.direction !== 'reverse',
    compare: ({teacher, student, weights}, T) => softened(teacher, student, T, {...rest, weights}),
  });
}
