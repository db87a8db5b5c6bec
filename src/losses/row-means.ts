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
