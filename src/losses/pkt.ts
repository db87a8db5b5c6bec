import {tf} from '../engine/tf.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {type FeaturePair, featureTerm, flat} from './feature-pair.ts';
import type {LossTerm} from './loss.ts';
import {unitRows} from './rows.ts';

/** Smaller than any share of a kernel that matters. It keeps the logarithms finite, as in the authors' code. */
const LEAST = 1e-7;

const KINDS = {weight: kinds.number, teacher: kinds.text, student: kinds.text} satisfies Shape<PktOptions>;

/**
 * mean_ij p_ij · log((p_ij + 1e-7) / (q_ij + 1e-7)): p of the teacher and q of the student are ½ (1 + cos(f_i, f_j)), each
 * row divided by its sum.
 *
 * Passalis and Tefas (2018), Learning Deep Representations with Probabilistic Knowledge Transfer, section 3; the mean
 * over pairs is that of their code. The two layers can have any shapes.
 *
 * @param teacher - [batch, ...shape]
 * @param student - [batch, ...shape]
 */
export function pktLoss(teacher: tf.Tensor, student: tf.Tensor): tf.Scalar {
  return tf.tidy(() => {
    const [p, q] = [neighbours(teacher), neighbours(student)];
    return tf.mean(tf.mul(p, tf.sub(tf.log(tf.add(p, LEAST)), tf.log(tf.add(q, LEAST)))));
  });
}

/** [batch, batch]: how probable each example is as the neighbour of another. */
function neighbours(features: tf.Tensor): tf.Tensor2D {
  const rows = unitRows(flat(features));
  const kernel = tf.div(tf.add(tf.matMul(rows, rows, false, true), 1), 2);
  return tf.div(kernel, tf.sum(kernel, 1, true));
}

export interface PktOptions extends FeaturePair {
  /**
   * λ of the term.
   *
   * @default 30000
   */
  readonly weight?: number;
}

/** The student learns, as probabilities, which examples of a batch are neighbours in a layer of a white-box teacher. */
export function pkt(options: PktOptions): LossTerm {
  checkOptions('pkt', options, KINDS, ['teacher', 'student']);
  const {weight = 30_000, ...pair} = options;
  return featureTerm('pkt', pair, weight, () => ({comparesInputs: true, value: pktLoss}));
}
