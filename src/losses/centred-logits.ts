import {tf} from '../engine/tf.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import type {LossTerm} from './loss.ts';
import {centre, meanOfRows, type RowWeights} from './rows.ts';

const KINDS = {weight: kinds.number} satisfies Shape<CentredLogitTermOptions>;

/**
 * ½ · mean_i mean_c ((z_ic − mean z_i) − (v_ic − mean v_i))², z the teacher's logits and v the student's.
 *
 * Ba and Caruana (2014), Do Deep Nets Really Need to be Deep?, section 2.2, there with uncentred logits. Centred, the
 * loss ignores a constant added to a row, so log-probabilities can stand for logits. It is the limit of the loss of
 * soft labels as T grows: Hinton, Vinyals and Dean (2015), section 2.1.
 *
 * @param teacherLogits - [batch, classes], logits or log-probabilities, all finite
 * @param studentLogits - [batch, classes]
 */
export function centredLogitLoss(
  teacherLogits: tf.Tensor2D,
  studentLogits: tf.Tensor2D,
  {weights}: RowWeights = {},
): tf.Scalar {
  return tf.tidy(() => {
    const squares = tf.square(centre(tf.sub(teacherLogits, studentLogits), 1));
    return tf.mul(meanOfRows(squares, weights), 0.5);
  });
}

export interface CentredLogitTermOptions {
  /**
   * λ of the term.
   *
   * @default 1
   */
  readonly weight?: number;
}

/** The student learns the teacher's logits themselves, up to a constant for each row. */
export function centredLogits(options: CentredLogitTermOptions = {}): LossTerm {
  checkOptions('centredLogits', options, KINDS);
  const {weight = 1} = options;
  return {
    name: 'centred-logits',
    weight,
    needs: {kind: 'log-probabilities'},
    studentFeatures: [],
    prepare: () => ({
      variables: [],
      value: ({logProbabilities, weights}, {logits}) => centredLogitLoss(logProbabilities!, logits, {weights}),
    }),
  };
}
