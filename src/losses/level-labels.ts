import {tf} from '../engine/tf.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {binaryCrossEntropies} from './binary-cross-entropy.ts';
import type {LossTerm} from './loss.ts';
import {labelMask, meanOfRows, NEVER, type RowWeights} from './rows.ts';

/**
 * mean_i Σ_{k=0}^{K−2} BCE(P(y_i > k), Σ_{j>k} q_ij), with q = softmax(logits): the loss of CORAL (see `coralLoss`) for a
 * student that has a logit for each level. Its probabilities of exceeding a level fall by themselves, so no biases have to.
 *
 * A wrong level costs more the further off it is. For two levels it is the loss of hard labels. It is a sum of logarithmic
 * scores, so it has a gradient if the student is sure and wrong, and is least at the true distribution.
 *
 * @param levelProbabilities - [batch, K], the teacher's, the lowest level first; a level alone is one-hot
 * @param studentLogits - [batch, K]
 */
export function exceedanceLoss(
  levelProbabilities: tf.Tensor2D,
  studentLogits: tf.Tensor2D,
  {weights}: RowWeights = {},
): tf.Scalar {
  return tf.tidy(() => {
    const levels = studentLogits.shape[1];
    const atMost = tf.slice(tf.cumsum(levelProbabilities, 1), [0, 0], [-1, levels - 1]);
    const entropies = binaryCrossEntropies(tf.sub(1, atMost), exceedanceLogits(studentLogits));
    return meanOfRows(tf.sum(entropies, 1), weights);
  });
}

/** [batch, K − 1], the logits of P(y > k). Logarithms of sums keep what is far below the greatest logit. */
function exceedanceLogits(logits: tf.Tensor2D): tf.Tensor2D {
  const levels = logits.shape[1];
  const masks = (isLeftOut: (level: number, k: number) => boolean) =>
    tf.tensor2d(
      Array.from({length: levels - 1}, (_, k) =>
        Array.from({length: levels}, (_, level) => (isLeftOut(level, k) ? NEVER : 0)),
      ),
    );
  const sumOf = (mask: tf.Tensor2D) => tf.logSumExp(tf.add(tf.expandDims(logits, 1), mask), 2);
  return tf.sub(sumOf(masks((level, k) => level <= k)), sumOf(masks((level, k) => level > k)));
}

export interface LevelTermOptions {
  /**
   * λ of the term.
   *
   * @default 1
   */
  readonly weight?: number;
}

const KINDS = {weight: kinds.number} satisfies Shape<LevelTermOptions>;

/** The student learns the teacher's level, of classes in order, the lowest first: see `exceedanceLoss`. */
export function levelLabels(options: LevelTermOptions = {}): LossTerm {
  checkOptions('levelLabels', options, KINDS);
  const {weight = 1} = options;
  return {
    name: 'level-labels',
    weight,
    needs: {kind: 'label'},
    studentFeatures: [],
    prepare: () => ({
      variables: [],
      value: ({labels, weights}, {logits}) => exceedanceLoss(labelMask(labels, logits.shape[1]), logits, {weights}),
    }),
  };
}
