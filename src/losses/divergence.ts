import {tf} from '../engine/tf.ts';
import {meanOfRows} from './row-means.ts';

/**
 * mean_i Σ_c a_ic · (log a_ic − log b_ic), over the last dimension.
 *
 * @param logA - [batch, classes], log-probabilities, as is logB
 * @param weights - [batch]: how much each row counts
 */
export function meanDivergence(logA: tf.Tensor, logB: tf.Tensor, weights?: tf.Tensor1D): tf.Scalar {
  return meanOfRows(rowDivergence(logA, logB), weights);
}

/** Σ_c a_ic · (log a_ic − log b_ic), [batch]. */
export function rowDivergence(logA: tf.Tensor, logB: tf.Tensor): tf.Tensor1D {
  return tf.sum(tf.mul(tf.exp(logA), tf.sub(logA, logB)), -1);
}
