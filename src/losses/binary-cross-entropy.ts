import {tf} from '../engine/tf.ts';
import {checkDecimals} from './loss.ts';
import {meanOfRows, type RowWeights} from './rows.ts';
import {type FloorOptions, floorOf} from './soft-probabilities.ts';
import {checkTemperature} from './temperature.ts';

// In this file `probabilities` are [batch], what the teacher says of yes, and `logits` are [batch], the student's
// logit z of yes: P(yes) = σ(z). If a head has two logits, z is that of yes minus that of no.

export interface BinaryCrossEntropyOptions extends FloorOptions, RowWeights {
  /**
   * T. It divides the logits of both sides.
   *
   * @default 1
   */
  readonly temperature?: number;
}

/**
 * T² · mean_i −(p_i · log σ(z_i / T) + (1 − p_i) · log σ(−z_i / T)), with p softened to σ(logit(p) / T).
 *
 * The loss of soft labels for two classes (Hinton, Vinyals and Dean (2015), section 2) plus T² times the entropy of the
 * softened p, which the student can't change. A probability is kept away from 0 and 1 by the floor.
 *
 * @throws InputError if the temperature is not a number above 0
 */
export function binaryCrossEntropyLoss(
  probabilities: tf.Tensor1D,
  logits: tf.Tensor1D,
  {temperature: T = 1, decimals, floor, weights}: BinaryCrossEntropyOptions = {},
): tf.Scalar {
  checkTemperature(T);
  return tf.tidy(() => {
    const p = softenProbabilities(probabilities, T, floorOf({decimals, floor}));
    const mean = meanOfRows(binaryCrossEntropies(p, tf.mul(logits, 1 / T)), weights);
    return tf.mul(mean, T * T);
  });
}

/** σ(logit(p) / T), with p kept from `floor` to 1 − `floor`. */
function softenProbabilities(probabilities: tf.Tensor1D, T: number, floor: number): tf.Tensor1D {
  const p = tf.clipByValue(probabilities, floor, 1 - floor);
  if (T === 1) return p;
  // 1 − floor rounds to 1 in 32 bits if the floor is below 6e-8.
  const logit = tf.sub(tf.log(p), tf.log(tf.maximum(tf.sub(1, p), floor)));
  return tf.sigmoid(tf.mul(logit, 1 / T));
}

/** −(p · log σ(z) + (1 − p) · log σ(−z)) of each element. It doesn't overflow, and 0 · log 0 is 0. */
export function binaryCrossEntropies(p: tf.Tensor, z: tf.Tensor): tf.Tensor {
  return tf.add(tf.mul(p, tf.softplus(tf.neg(z))), tf.mul(tf.sub(1, p), tf.softplus(z)));
}

/**
 * mean_i KL(t_i || σ(z_i)), with t the probability nearest to σ(z) that rounds to p: σ(z) itself if it does.
 *
 * A teacher that shows rounded probabilities says that its own lie within half of the last decimal. The student is not
 * pulled to the middle of this interval: inside it, loss and gradient are 0.
 *
 * @throws InputError if the number of decimals can't be used
 */
export function binaryIntervalLoss(
  probabilities: tf.Tensor1D,
  logits: tf.Tensor1D,
  {decimals, weights}: {readonly decimals: number} & RowWeights,
): tf.Scalar {
  checkDecimals(decimals);
  return tf.tidy(() => meanOfRows(intervalDivergences(probabilities, logits, 10 ** -decimals / 2), weights));
}

function intervalDivergences(probabilities: tf.Tensor1D, logits: tf.Tensor1D, radius: number): tf.Tensor {
  const divergences = tf.customGrad((z, save) => {
    const q = tf.sigmoid(z as tf.Tensor);
    const [low, high] = [tf.maximum(tf.sub(probabilities, radius), 0), tf.minimum(tf.add(probabilities, radius), 1)];
    const t = tf.minimum(tf.maximum(q, low), high);
    (save as tf.GradSaveFunc)([tf.sub(q, t)]);
    const value = tf.sub(binaryCrossEntropies(t, z as tf.Tensor), binaryEntropies(t));
    return {
      // A student inside its interval has exactly 0, without the rounding of the difference.
      value: tf.mul(value, tf.cast(tf.notEqual(q, t), 'float32')),
      gradFunc: (dy: tf.Tensor, [slope]: tf.Tensor[]) => tf.mul(dy, slope!),
    };
  });
  return divergences(logits);
}

/** −(t · log t + (1 − t) · log(1 − t)) of each element, 0 at 0 and 1. */
function binaryEntropies(t: tf.Tensor): tf.Tensor {
  const part = (share: tf.Tensor): tf.Tensor => tf.mul(share, tf.log(tf.maximum(share, 1e-30)));
  return tf.neg(tf.add(part(t), part(tf.sub(1, t))));
}

/**
 * mean_i (σ(z_i) − p_i)², the score of Brier (1950) of P(yes).
 *
 * Its gradient vanishes if the student is sure and wrong. That of cross-entropy does not.
 */
export function binaryBrierLoss(
  probabilities: tf.Tensor1D,
  logits: tf.Tensor1D,
  {weights}: RowWeights = {},
): tf.Scalar {
  return tf.tidy(() => meanOfRows(tf.square(tf.sub(tf.sigmoid(logits), probabilities)), weights));
}
