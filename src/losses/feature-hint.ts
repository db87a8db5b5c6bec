import {mixSeed} from '../data/random.ts';
import {layers, tf} from '../engine/tf.ts';
import {checkOptions, kinds, oneOf, type Shape} from '../options.ts';
import {
  commonSize,
  type FeaturePair,
  featureTerm,
  mismatch,
  type PairShapes,
  type PreparedPair,
  pooled,
} from './feature-pair.ts';
import type {LossTerm} from './loss.ts';
import {meanOfRows} from './rows.ts';

/**
 * mean (R(f_student) − f_teacher)² over batch and values, with R(f) = f · W + b along the last dimension: a dense layer
 * for vectors, a 1x1 convolution for maps.
 *
 * Romero et al. (2015), FitNets, section 2.2, equation 3, there as half the squared norm with a convolution for R.
 *
 * @param teacher - [batch, ...shape, teacher channels]
 * @param student - [batch, ...shape, student channels]
 * @param weights - W [student channels, teacher channels]
 * @param bias - b [teacher channels]
 * @param rowWeights - [batch]: how much each row counts
 */
export function hintLoss(
  teacher: tf.Tensor,
  student: tf.Tensor,
  weights: tf.Tensor2D,
  bias: tf.Tensor1D,
  rowWeights?: tf.Tensor1D,
): tf.Scalar {
  return tf.tidy(() => {
    const [from, to] = weights.shape;
    const rows = tf.reshape(student, [-1, from]) as tf.Tensor2D;
    const projected = tf.add(tf.matMul(rows, weights), bias);
    return meanOfRows(tf.squaredDifference(projected, tf.reshape(teacher, [-1, to])), rowWeights);
  });
}

export interface FeatureHintOptions extends FeaturePair {
  /**
   * λ of the term.
   *
   * @default 50
   */
  readonly weight?: number;
  /**
   * R: a learned linear map, or none if the two layers have equally many channels.
   *
   * @default 'linear'
   */
  readonly projection?: 'linear' | 'none';
}

const KINDS = {
  weight: kinds.number,
  teacher: kinds.text,
  student: kinds.text,
  projection: oneOf('linear', 'none'),
} satisfies Shape<FeatureHintOptions>;

/**
 * The student learns the activations of a layer of a white-box teacher, through a linear projection that is trained
 * with the student and dropped afterwards. Maps of different sizes are pooled to the smaller, if that divides the
 * larger.
 */
export function featureHint(options: FeatureHintOptions): LossTerm {
  checkOptions('featureHint', options, KINDS, ['teacher', 'student']);
  const {weight = 50, projection = 'linear', ...pair} = options;
  return featureTerm('feature-hint', pair, weight, (shapes, name, seed) => {
    const align = alignment(pair, shapes);
    const compare = projection === 'none' ? plain(pair, shapes) : projected(shapes, mixSeed(seed, name));
    return {
      ...compare,
      value: (teacher, student, weights) => tf.tidy(() => compare.value(align(teacher), align(student), weights)),
    };
  });
}

/** Pools maps to a common height and width. */
function alignment(pair: FeaturePair, shapes: PairShapes): (features: tf.Tensor) => tf.Tensor {
  const {teacher, student} = shapes;
  const locations = (shape: readonly number[]) => shape.slice(0, -1).join(' x ');
  if (teacher.length > 0 && teacher.length === student.length && locations(teacher) === locations(student))
    return same => same;
  const size = commonSize(shapes);
  if (size !== undefined) return maps => pooled(maps, size);
  throw mismatch(
    'feature-hint',
    pair,
    shapes,
    'all dimensions but the last must be equal, or the greater height and width must be multiples of the smaller. ' +
      'Choose such layers, for example two that give vectors.',
  );
}

function plain(pair: FeaturePair, shapes: PairShapes): PreparedPair {
  if (shapes.teacher.at(-1) !== shapes.student.at(-1)) {
    const advice = "without a projection the last dimensions must be equal. Use `projection: 'linear'`.";
    throw mismatch('feature-hint', pair, shapes, advice);
  }
  return {value: (teacher, student, rows) => meanOfRows(tf.squaredDifference(teacher, student), rows)};
}

function projected({teacher, student}: PairShapes, seed: number): PreparedPair {
  const {weights, bias} = linearMap(student.at(-1)!, teacher.at(-1)!, seed);
  return {
    variables: [weights, bias],
    value: (teacher, student, rows) => hintLoss(teacher, student, weights, bias, rows),
  };
}

/** A linear map that is trained with the student, [from, to] and [to]. */
export function linearMap(
  from: number,
  to: number,
  seed: number,
): {weights: tf.Variable<tf.Rank.R2>; bias: tf.Variable<tf.Rank.R1>} {
  return tf.tidy(() => {
    const initial = layers.initializers.glorotUniform({seed}).apply([from, to]) as tf.Tensor2D;
    return {weights: tf.variable(initial), bias: tf.variable(tf.zeros([to]) as tf.Tensor1D)};
  });
}
