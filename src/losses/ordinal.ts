import {tf} from '../engine/tf.ts';
import {binaryCrossEntropies} from './binary-cross-entropy.ts';
import {meanOfRows, type RowWeights} from './rows.ts';

// In this file a student has one latent value f for each input, [batch], and K − 1 thresholds that all inputs share.
// They divide the line into the K levels of a score, the lowest first. `levelProbabilities` are the teacher's, [batch,
// K]; a level alone is one-hot.

/** Elements to add before a dimension, and after it. */
type Padding = [before: number, after: number];
const NONE: Padding = [0, 0];
const FIRST: Padding = [1, 0];
const LAST: Padding = [0, 1];

/**
 * The cut points θ_0 = b and θ_k = θ_{k−1} + softplus(d_k). They are in order whatever the values are.
 *
 * @param cuts - [K − 1], not constrained: b, d_1, …, d_{K−2}
 * @returns [K − 1]
 */
export function cutPoints(cuts: tf.Tensor1D): tf.Tensor1D {
  return tf.tidy(() => {
    if (cuts.size === 1) return tf.clone(cuts);
    const [first, steps] = [tf.slice(cuts, 0, 1), tf.slice(cuts, 1)];
    return tf.cumsum(tf.concat([first, tf.softplus(steps)]));
  });
}

/**
 * log P(y = k) of the cumulative link model P(y ≤ k) = σ(θ_k − f). McCullagh (1980), Regression Models for Ordinal Data,
 * section 2, with the logistic link.
 *
 * log p_k = log σ(θ_k − f) + log σ(f − θ_{k−1}) + log(1 − e^(θ_{k−1} − θ_k)), where the last term is log σ(d_k). So
 * nothing is lost if cut points are close, or if f is far from them. The result is a row of logits, so every loss of
 * logits can learn from it.
 *
 * @param latent - [batch]
 * @param cuts - [K − 1], see `cutPoints`
 * @returns [batch, K]
 */
export function cumulativeLinkLogits(latent: tf.Tensor1D, cuts: tf.Tensor1D): tf.Tensor2D {
  return tf.tidy(() => {
    const distance = tf.sub(tf.expandDims(cutPoints(cuts), 0), tf.expandDims(latent, 1)) as tf.Tensor2D;
    const atMost = tf.pad2d(logSigmoid(distance), [NONE, LAST]);
    const above = tf.pad2d(logSigmoid(tf.neg(distance)), [NONE, FIRST]);
    const both = tf.add(atMost, above) as tf.Tensor2D;
    if (cuts.size === 1) return both;
    return tf.add(both, tf.pad1d(logSigmoid(tf.slice(cuts, 1)), [1, 1]));
  });
}

/** log σ(x). TensorFlow.js has it, too, but its gradient fails inside `tf.tidy`. */
function logSigmoid<T extends tf.Tensor>(x: T): T {
  return tf.neg(tf.softplus(tf.neg(x)));
}

/** −mean_i Σ_k p_ik · log P(y_i = k) of the cumulative link model: see `cumulativeLinkLogits`. */
export function cumulativeLinkLoss(
  levelProbabilities: tf.Tensor2D,
  latent: tf.Tensor1D,
  cuts: tf.Tensor1D,
  {weights}: RowWeights = {},
): tf.Scalar {
  return tf.tidy(() => {
    const likelihoods = tf.mul(levelProbabilities, cumulativeLinkLogits(latent, cuts));
    return tf.neg(meanOfRows(tf.sum(likelihoods, 1), weights));
  });
}

/**
 * mean_i Σ_{k=0}^{K−2} BCE(P(y_i > k), σ(f_i + b_k)), the sum over the K − 1 thresholds.
 *
 * Cao, Mirjalili and Raschka (2020), Rank consistent ordinal regression for neural networks (CORAL), section 3, with the
 * teacher's probability of exceeding a level instead of 0 or 1. Trained biases fall from b_0 to b_{K−2}; before that,
 * `coralProbabilities` can be negative.
 *
 * @param biases - [K − 1]
 */
export function coralLoss(
  levelProbabilities: tf.Tensor2D,
  latent: tf.Tensor1D,
  biases: tf.Tensor1D,
  {weights}: RowWeights = {},
): tf.Scalar {
  return tf.tidy(() => {
    const atMost = tf.slice(tf.cumsum(levelProbabilities, 1), [0, 0], [-1, biases.size]);
    const entropies = binaryCrossEntropies(tf.sub(1, atMost), exceedances(latent, biases));
    return meanOfRows(tf.sum(entropies, 1), weights);
  });
}

/** [batch, K − 1], the logits of P(y > k). */
function exceedances(latent: tf.Tensor1D, biases: tf.Tensor1D): tf.Tensor2D {
  return tf.add(tf.expandDims(latent, 1), tf.expandDims(biases, 0));
}

/**
 * P(y = k) = P(y > k − 1) − P(y > k) of CORAL's model. They add up to 1, and their expected level is Σ_k P(y > k).
 *
 * @param biases - [K − 1]
 * @returns [batch, K]
 */
export function coralProbabilities(latent: tf.Tensor1D, biases: tf.Tensor1D): tf.Tensor2D {
  return tf.tidy(() => {
    const exceed = tf.sigmoid(exceedances(latent, biases));
    const [before, after] = [tf.pad2d(exceed, [NONE, FIRST], 1), tf.pad2d(exceed, [NONE, LAST])];
    return tf.sub(before, after);
  });
}

/**
 * The level of each input: how many levels it exceeds with a probability above ½.
 *
 * @param biases - [K − 1]
 * @returns [batch], int32
 */
export function coralLevels(latent: tf.Tensor1D, biases: tf.Tensor1D): tf.Tensor1D {
  return tf.tidy(() => tf.sum(tf.cast(tf.greater(exceedances(latent, biases), 0), 'int32'), 1));
}
