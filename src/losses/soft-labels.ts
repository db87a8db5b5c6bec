import {tf} from '../engine/tf.ts';
import type {LossTerm} from './loss.ts';
import {checkTemperature} from './temperature.ts';

export interface SoftLabelOptions {
  /**
   * T, which divides the logits of both sides before the softmax. Greater is softer.
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
   * Whether to multiply by T². Gradients shrink as 1 / T² without it, so a weight would mean another thing at each T.
   *
   * @default true
   */
  readonly scaleByT2?: boolean;
}

/**
 * T² · mean_i Σ_c p_ic · (log p_ic − log q_ic), with p = softmax(teacher / T) and q = softmax(student / T).
 *
 * Hinton, Vinyals and Dean (2015), sections 2 and 2.1. The mean is over the batch, not over batch times classes. A
 * softmax is blind to a constant added to a row, so log-probabilities in place of the teacher's logits give the same
 * value at every T.
 *
 * @param teacherLogits - [batch, classes], logits or log-probabilities, all finite (`targetsOf` sees to that)
 * @param studentLogits - [batch, classes]
 */
export function softLabelLoss(
  teacherLogits: tf.Tensor2D,
  studentLogits: tf.Tensor2D,
  {temperature: T = 4, direction = 'forward', scaleByT2 = true}: SoftLabelOptions = {},
): tf.Scalar {
  return tf.tidy(() => {
    const logP = tf.logSoftmax(tf.div(teacherLogits, T));
    const logQ = tf.logSoftmax(tf.div(studentLogits, T));
    const divergence = direction === 'forward' ? meanDivergence(logP, logQ) : meanDivergence(logQ, logP);
    return scaleByT2 ? tf.mul(divergence, T * T) : divergence;
  });
}

/** mean_i Σ_c a_ic · (log a_ic − log b_ic) */
function meanDivergence(logA: tf.Tensor, logB: tf.Tensor): tf.Scalar {
  return tf.mean(tf.sum(tf.mul(tf.exp(logA), tf.sub(logA, logB)), -1));
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
export function softLabels({weight = 1, temperature = 4, ...options}: SoftLabelTermOptions = {}): LossTerm {
  checkTemperature(temperature);
  return {
    name: 'soft-labels',
    weight,
    needs: {kind: 'log-probabilities'},
    temperature,
    studentFeatures: [],
    prepare: () => ({
      variables: [],
      value: ({logProbabilities}, {logits}) => softLabelLoss(logProbabilities!, logits, {temperature, ...options}),
    }),
  };
}
