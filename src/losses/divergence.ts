import {tf} from '../engine/tf.ts';

/**
 * mean_i Σ_c a_ic · (log a_ic − log b_ic), over the last dimension.
 *
 * @param logA - [batch, classes], log-probabilities, as is logB
 */
export function meanDivergence(logA: tf.Tensor, logB: tf.Tensor): tf.Scalar {
  return tf.mean(rowDivergence(logA, logB));
}

/** Σ_c a_ic · (log a_ic − log b_ic), [batch]. */
export function rowDivergence(logA: tf.Tensor, logB: tf.Tensor): tf.Tensor1D {
  return tf.sum(tf.mul(tf.exp(logA), tf.sub(logA, logB)), -1);
}
