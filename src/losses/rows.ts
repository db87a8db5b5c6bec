import {tf} from '../engine/tf.ts';

export interface RowWeights {
  /**
   * How much each row counts, as [batch]. 0 leaves a row out, such as one without an answer; its values must still be
   * finite. The number of votes of a row is a weight, too.
   *
   * @default every row counts 1
   */
  readonly weights?: tf.Tensor1D | undefined;
}

/**
 * Σ_i w_i · x_i / Σ_i w_i, and 0 if every weight is 0.
 *
 * @param rows - [batch, ...]: x_i is the mean of row i
 */
export function meanOfRows(rows: tf.Tensor, weights: tf.Tensor1D | undefined): tf.Scalar {
  if (weights === undefined) return tf.mean(rows);
  const means = rows.rank === 1 ? rows : tf.mean(tf.reshape(rows, [weights.shape[0], -1]), 1);
  return quotient(tf.sum(tf.mul(means, weights)), tf.sum(weights));
}

/** The loss of one question about a batch of inputs. */
export interface QuestionLoss {
  /** The mean over the rows that have an answer: a loss with `weights` for its rows. */
  readonly loss: tf.Scalar;
  /**
   * Above 0 for each row that has an answer to the question, else 0, as [batch]: the `weights` of its loss.
   *
   * @default every row has one
   */
  readonly answered?: tf.Tensor1D | undefined;
  /**
   * How much the question counts.
   *
   * @default 1
   */
  readonly weight?: number | undefined;
}

/**
 * Σ_q w_q · L_q / Σ_q w_q over the questions that have an answer in the batch, and 0 if none has. L_q is a mean over
 * its own answered rows, so a question that was asked about few inputs counts as much as the others, and each of its
 * rows more.
 */
export function meanOverQuestions(questions: readonly QuestionLoss[]): tf.Scalar {
  return tf.tidy(() => {
    const weights = questions.map(({answered, weight = 1}) =>
      answered === undefined ? tf.scalar(weight) : tf.mul(isAboveZero(tf.sum(answered)), weight),
    );
    const losses = questions.map(({loss}, index) => tf.mul(loss, weights[index]!));
    return quotient(tf.addN(losses), tf.addN(weights));
  });
}

/** sum / total, and 0 if the total is 0. Both branches of the gradient are finite. */
function quotient(sum: tf.Tensor, total: tf.Tensor): tf.Scalar {
  return tf.div(sum, tf.add(total, tf.sub(1, isAboveZero(total))));
}

function isAboveZero(value: tf.Tensor): tf.Tensor {
  return tf.cast(tf.greater(value, 0), 'float32');
}

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

/** Far below any logit, but finite: exp of it is 0, and 0 times it is 0 and not NaN. */
export const NEVER = -1e9;

/**
 * Keeps the classes of a mask and removes all others from the softmax.
 *
 * @param mask - [batch, classes], 1 for the classes to keep, else 0
 */
export function onlyClasses(logits: tf.Tensor2D, mask: tf.Tensor2D): tf.Tensor2D {
  return withoutClasses(logits, tf.sub(1, mask));
}

/** Removes the classes of a mask from the softmax. */
export function withoutClasses(logits: tf.Tensor2D, mask: tf.Tensor2D): tf.Tensor2D {
  return tf.add(logits, tf.mul(mask, NEVER));
}

/** [batch, classes]: 1 at each row's label, else 0. */
export function labelMask(labels: tf.Tensor1D, classes: number): tf.Tensor2D {
  return tf.cast(tf.oneHot(labels, classes), 'float32') as tf.Tensor2D;
}

/**
 * Pearson's correlation of two tensors along an axis, which it removes: Σ x̃ỹ / (‖x̃‖ ‖ỹ‖ + 1e-8), with x̃ and ỹ
 * centred. For a constant tensor it is 0, with no gradient.
 */
export function correlation(x: tf.Tensor, y: tf.Tensor, axis: number): tf.Tensor {
  const [centredX, centredY] = [centre(x, axis), centre(y, axis)];
  const norms = tf.mul(norm(centredX, axis), norm(centredY, axis));
  return tf.div(tf.sum(tf.mul(centredX, centredY), axis), tf.add(norms, 1e-8));
}

/** x minus its mean along an axis. */
export function centre<T extends tf.Tensor>(x: T, axis: number): T {
  return tf.sub(x, tf.mean(x, axis, true));
}

/** The 1e-16 keeps the gradient of a constant tensor's norm, 0 / 0, at 0. */
function norm(x: tf.Tensor, axis: number): tf.Tensor {
  return tf.sqrt(tf.add(tf.sum(tf.square(x), axis), 1e-16));
}

/** Divides each row by its length. A row of zeros is unchanged, with a finite gradient. */
export function unitRows(rows: tf.Tensor2D): tf.Tensor2D {
  const squares = tf.sum(tf.square(rows), 1, true);
  const isZero = tf.sub(1, tf.step(tf.sub(squares, 1e-24)));
  return tf.mul(rows, tf.rsqrt(tf.add(squares, isZero)));
}
