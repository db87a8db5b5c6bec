import {tf} from '../engine/tf.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {type FeaturePair, featureTerm, flat} from './feature-pair.ts';
import type {LossTerm} from './loss.ts';
import {unitRows} from './rows.ts';

const KINDS = {
  weight: kinds.number,
  teacher: kinds.text,
  student: kinds.text,
} satisfies Shape<SimilarityPreservingOptions>;

/**
 * ‖G(teacher) − G(student)‖² / batch², with G(f) the inner products f · fᵀ of the batch, each row divided by its length.
 *
 * Tung and Mori (2019), Similarity-Preserving Knowledge Distillation, section Method. The two layers can have any
 * shapes.
 *
 * @param teacher - [batch, ...shape]
 * @param student - [batch, ...shape]
 */
export function similarityLoss(teacher: tf.Tensor, student: tf.Tensor): tf.Scalar {
  return tf.tidy(() => tf.mean(tf.squaredDifference(similarities(teacher), similarities(student))));
}

/** [batch, batch] */
function similarities(features: tf.Tensor): tf.Tensor2D {
  const rows = flat(features);
  return unitRows(tf.matMul(rows, rows, false, true));
}

export interface SimilarityPreservingOptions extends FeaturePair {
  /**
   * λ of the term.
   *
   * @default 3000
   */
  readonly weight?: number;
}

/** The student learns which examples of a batch look alike to a layer of a white-box teacher. */
export function similarityPreserving(options: SimilarityPreservingOptions): LossTerm {
  checkOptions('similarityPreserving', options, KINDS, ['teacher', 'student']);
  const {weight = 3000, ...pair} = options;
  return featureTerm('similarity-preserving', pair, weight, () => ({comparesInputs: true, value: similarityLoss}));
}
