import {tf} from '../engine/tf.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {commonSize, type FeaturePair, featureTerm, flat, mismatch, pooled} from './feature-pair.ts';
import type {LossTerm} from './loss.ts';
import {meanOfRows, unitRows} from './rows.ts';

const KINDS = {
  weight: kinds.number,
  teacher: kinds.text,
  student: kinds.text,
} satisfies Shape<AttentionTransferOptions>;

/**
 * mean_i mean_xy (a(teacher) − a(student))², with a(f) = Σ_c f² at each position, divided by its length over all
 * positions.
 *
 * Zagoruyko and Komodakis (2017), Paying More Attention to Attention, section 3.1, with p = 2. The mean over positions
 * is that of published code; the paper has a norm. The maps of the larger side are pooled to the size of the other, so
 * neither channels nor sizes need to be equal.
 *
 * @param teacher - [batch, height, width, channels]
 * @param student - [batch, height, width, channels], sizes that are multiples of the teacher's or divide them
 * @param weights - [batch]: how much each row counts
 */
export function attentionLoss(teacher: tf.Tensor, student: tf.Tensor, weights?: tf.Tensor1D): tf.Scalar {
  return tf.tidy(() => {
    const size = commonSize({teacher: teacher.shape.slice(1), student: student.shape.slice(1)})!;
    const squares = tf.squaredDifference(attention(pooled(teacher, size)), attention(pooled(student, size)));
    return meanOfRows(squares, weights);
  });
}

/** [batch, height · width] */
function attention(maps: tf.Tensor): tf.Tensor2D {
  return unitRows(flat(tf.sum(tf.square(maps), -1)));
}

export interface AttentionTransferOptions extends FeaturePair {
  /**
   * λ of the term.
   *
   * @default 1000
   */
  readonly weight?: number;
}

/** The student learns in which parts of an image a layer of a white-box teacher is active. */
export function attentionTransfer(options: AttentionTransferOptions): LossTerm {
  checkOptions('attentionTransfer', options, KINDS, ['teacher', 'student']);
  const {weight = 1000, ...pair} = options;
  return featureTerm('attention-transfer', pair, weight, shapes => {
    if (commonSize(shapes) === undefined) {
      throw mismatch(
        'attention-transfer',
        pair,
        shapes,
        'both must be [height, width, channels], and the greater height and width must be multiples of the smaller. ' +
          'Choose two such layers, for example the last ones of a stage.',
      );
    }
    return {value: attentionLoss};
  });
}
