import {execute, float32, nativeBackend} from './compiled/binding.ts';
import {tf} from './tf.ts';

/** Cross-entropies of rows, and their slopes by the logits. */
export interface CrossEntropies {
  /** [rows], −Σ_k p_k log q_k, where q is the softmax of the logits. */
  readonly losses: tf.Tensor1D;
  /** [rows, classes], q − p. */
  readonly slopes: tf.Tensor2D;
}

/**
 * The cross-entropy of each row of logits, and its slopes. One operation on the native engine.
 *
 * @param targets - [rows, classes], each row a distribution
 */
export function crossEntropies(logits: tf.Tensor2D, targets: tf.Tensor2D): CrossEntropies {
  if (nativeBackend()) {
    const [losses, slopes] = execute('SoftmaxCrossEntropyWithLogits', {T: float32}, [logits, targets], 2);
    return {losses: losses as tf.Tensor1D, slopes: slopes as tf.Tensor2D};
  }
  return {
    losses: tf.sub(tf.logSumExp(logits, 1), tf.sum(tf.mul(targets, logits), 1)),
    slopes: tf.sub(tf.softmax(logits), targets),
  };
}
