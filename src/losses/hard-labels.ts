import {tf} from '../engine/tf.ts';
import {InputError} from '../errors.ts';
import {checkOptions, kinds, oneOf, type Shape} from '../options.ts';
import type {LossTerm} from './loss.ts';
import {labelMask, meanOfRows, type RowWeights} from './rows.ts';

export interface HardLabelOptions {
  /**
   * ε: the mass that is taken from the label and spread evenly over all classes. At least 0 and below 1.
   *
   * @default 0
   */
  readonly smoothing?: number;
}

const KINDS = {
  weight: kinds.number,
  smoothing: kinds.number,
  labels: oneOf('teacher', 'true'),
} satisfies Shape<HardLabelTermOptions>;

/**
 * −mean_i Σ_c t_ic · log q_ic, with q = softmax(logits) and t = (1 − ε) · onehot(label) + ε / K.
 *
 * Cross-entropy; label smoothing as in Szegedy et al. (2016), section 7. It has no temperature, because that would not
 * change a label.
 *
 * @param labels - [batch], int32
 * @param logits - [batch, classes]
 */
export function hardLabelLoss(
  labels: tf.Tensor1D,
  logits: tf.Tensor2D,
  {smoothing = 0, weights}: HardLabelOptions & RowWeights = {},
): tf.Scalar {
  return tf.tidy(() => {
    const classes = logits.shape[1];
    const oneHot = labelMask(labels, classes);
    const t = smoothing === 0 ? oneHot : tf.add(tf.mul(oneHot, 1 - smoothing), smoothing / classes);
    return tf.neg(meanOfRows(tf.sum(tf.mul(t, tf.logSoftmax(logits)), -1), weights));
  });
}

export interface HardLabelTermOptions extends HardLabelOptions {
  /**
   * λ of the term.
   *
   * @default 1
   */
  readonly weight?: number;
  /**
   * The label to learn: the teacher's, or the true one alongside a live teacher's answers, as published recipes do. For
   * the latter, `train()` takes the true labels as its knowledge.
   *
   * @default 'teacher'
   */
  readonly labels?: 'teacher' | 'true';
}

/** The student learns the teacher's label (its most probable class if it gives scores), or the true label. */
export function hardLabels(options: HardLabelTermOptions = {}): LossTerm {
  checkOptions('hardLabels', options, KINDS);
  const {weight = 1, smoothing = 0, labels: whose = 'teacher'} = options;
  if (!(smoothing >= 0 && smoothing < 1)) {
    throw new InputError(`Expected \`smoothing\` to be from 0 to below 1, got ${smoothing}.`);
  }
  return {
    name: whose === 'true' ? 'true-labels' : 'hard-labels',
    weight,
    needs: {kind: 'label'},
    needsTrueLabels: whose === 'true',
    isConvex: true,
    studentFeatures: [],
    prepare: () => ({
      variables: [],
      value: ({labels, trueLabels, weights}, {logits}) =>
        hardLabelLoss(whose === 'true' ? trueLabels! : labels, logits, {smoothing, weights}),
    }),
  };
}

/** Replaces each term that learns from scores with hard labels of the same weight. */
export function labelsInstead(terms: readonly LossTerm[]): readonly LossTerm[] {
  return terms.map(term => {
    const {name, weight, needs} = term;
    return needs.kind === 'label' ? term : {...hardLabels({weight}), name: `hard-labels in place of ${name}`};
  });
}
