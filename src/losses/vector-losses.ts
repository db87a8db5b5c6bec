import {tf} from '../engine/tf.ts';
import {InputError} from '../errors.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import type {LossTerm} from './loss.ts';
import {meanDivergence, meanOfRows, NEVER, unitRows} from './rows.ts';
import {pairedTerm, relatedTerm, VECTOR_KINDS, type VectorTermOptions} from './vector-pair.ts';

/**
 * mean_i (1 − cos(s_i, t_i)). A row of zeros has a cosine of 0 with every other.
 *
 * @param teacher - t [batch, width]
 * @param student - s [batch, width]
 * @param weights - [batch]: how much each row counts
 */
export function vectorCosineLoss(teacher: tf.Tensor2D, student: tf.Tensor2D, weights?: tf.Tensor1D): tf.Scalar {
  return tf.tidy(() => {
    const cosines = tf.sum(tf.mul(unitRows(teacher), unitRows(student)), 1);
    return meanOfRows(tf.sub(1, cosines), weights);
  });
}

/**
 * The student's vectors learn the direction of the teacher's. Their length is free.
 *
 * Without `cuts` it is the loss of most published distillations of sentence encoders.
 */
export function vectorCosine(options: VectorTermOptions = {}): LossTerm {
  checkOptions('vectorCosine', options, VECTOR_KINDS);
  return pairedTerm('vector-cosine', options, vectorCosineLoss);
}

/**
 * mean_i ‖s_i − t_i‖². Of vectors of length 1 it is twice the cosine loss.
 *
 * @param teacher - t [batch, width]
 * @param student - s [batch, width]
 * @param weights - [batch]: how much each row counts
 */
export function vectorErrorLoss(teacher: tf.Tensor2D, student: tf.Tensor2D, weights?: tf.Tensor1D): tf.Scalar {
  return tf.tidy(() => meanOfRows(tf.sum(tf.squaredDifference(student, teacher), 1), weights));
}

/** The student's vectors learn the teacher's, length included. */
export function vectorError(options: VectorTermOptions = {}): LossTerm {
  checkOptions('vectorError', options, VECTOR_KINDS);
  return pairedTerm('vector-error', options, vectorErrorLoss);
}

/**
 * mean_i Σ_j≠i p_ij · log(p_ij / q_ij): p_ij is the softmax over j of cos(t_i, t_j) / T, and q_ij that of cos(s_i, s_j) / T.
 *
 * Fang et al. (2021), SEED: Self-supervised Distillation for Visual Representation, section 3.2, with the batch itself
 * instead of a queue, and one temperature. The two widths can differ. In a batch of one it is zero, with no gradient.
 *
 * @param teacher - t [batch, width]
 * @param student - s [batch, other width]
 * @param temperature - T
 */
export function similarityKlLoss(teacher: tf.Tensor2D, student: tf.Tensor2D, temperature: number): tf.Scalar {
  return tf.tidy(() => meanDivergence(logNeighbours(teacher, temperature), logNeighbours(student, temperature)));
}

/** [batch, batch]: log-probabilities of each other row as the neighbour of a row. */
function logNeighbours(rows: tf.Tensor2D, temperature: number): tf.Tensor2D {
  const unit = unitRows(rows);
  const cosines = tf.div(tf.matMul(unit, unit, false, true), temperature);
  const others = tf.add(cosines, tf.mul(tf.eye(rows.shape[0]), NEVER));
  return tf.logSoftmax(others) as tf.Tensor2D;
}

export interface SimilarityKlOptions extends VectorTermOptions {
  /**
   * T, above 0. The lower it is, the more the nearest neighbours count.
   *
   * @default 0.05
   */
  readonly temperature?: number;
}

const KL_KINDS = {...VECTOR_KINDS, temperature: kinds.number} satisfies Shape<SimilarityKlOptions>;

/**
 * The student learns which inputs of a batch the teacher's vectors make neighbours. Its vectors can have any length, and
 * are in a space of their own, so that alone it is for a new index.
 */
export function similarityKl(options: SimilarityKlOptions = {}): LossTerm {
  checkOptions('similarityKl', options, KL_KINDS);
  const {temperature = 0.05, ...others} = options;
  if (!(temperature > 0 && Number.isFinite(temperature))) {
    throw new InputError(`Expected \`temperature\` of similarityKl to be a number above 0, got ${temperature}.`);
  }
  return relatedTerm('similarity-kl', others, (t, s) => similarityKlLoss(t, s, temperature));
}
