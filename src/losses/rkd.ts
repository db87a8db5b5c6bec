import {tf} from '../engine/tf.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {type FeaturePair, featureTerm, flat} from './feature-pair.ts';
import {checkPartWeight, type LossTerm} from './loss.ts';
import {centre} from './rows.ts';

export interface RkdOptions {
  /**
   * Weight of the distances between two examples.
   *
   * @default 25
   */
  readonly distance?: number;
  /**
   * Weight of the angles between three examples.
   *
   * @default 50
   */
  readonly angle?: number;
}

/**
 * distance · mean_ij ℓ(d_ij(student) − d_ij(teacher)) + angle · mean_aij ℓ(cos_aij(student) − cos_aij(teacher)), with
 * ℓ(x) = ½x² within 1 and |x| − ½ beyond, d_ij the distance of the examples i and j over the mean of all distances, and
 * cos_aij the cosine of the angle at a between i and j, or 0 if two of them are equal.
 *
 * Park et al. (2019), Relational Knowledge Distillation, section 3.2, with the weights of published code. It compares
 * only relations within the batch, so the two layers can have any shapes. In a batch of one it is zero, with no
 * gradient. It takes memory for batch³ numbers.
 *
 * @param teacher - [batch, ...shape]
 * @param student - [batch, ...shape]
 */
export function rkdLoss(
  teacher: tf.Tensor,
  student: tf.Tensor,
  {distance = 25, angle = 50}: RkdOptions = {},
): tf.Scalar {
  return tf.tidy(() => {
    const [t, s] = [relationsOf(teacher), relationsOf(student)];
    const ofDistance = tf.mean(smoothL1(tf.sub(s.distances, t.distances)));
    const ofAngle = tf.mean(smoothL1(tf.sub(s.cosines, t.cosines)));
    return tf.add(tf.mul(ofDistance, distance), tf.mul(ofAngle, angle));
  });
}

/** ½x² within 1, |x| − ½ beyond. */
function smoothL1(x: tf.Tensor): tf.Tensor {
  const size = tf.abs(x);
  const within = tf.minimum(size, 1);
  return tf.mul(within, tf.sub(size, tf.mul(within, 0.5)));
}

interface Relations {
  /** [batch, batch], with mean 1 off the diagonal. */
  readonly distances: tf.Tensor;
  /** [batch, batch, batch]: the angle at the first example between the other two. */
  readonly cosines: tf.Tensor;
}

/**
 * Computes all relations from the inner products G of the centred examples: |i − j|² = G_ii + G_jj − 2 G_ij, and (i −
 * a) · (j − a) is G_ij − G_ai − G_aj + G_aa. Differences of all pairs would take memory for batch² times as many
 * numbers as an example has.
 */
function relationsOf(features: tf.Tensor): Relations {
  const centred = centre(flat(features), 0);
  const batch = centred.shape[0];
  const products = tf.matMul(centred, centred, false, true);
  const squares = tf.sum(tf.square(centred), 1, true) as tf.Tensor2D;
  const squaredDistances = tf.sub(tf.add(squares, tf.transpose(squares)), tf.mul(products, 2));
  // If two examples are equal, there is no root and no gradient.
  const apart = tf.mul(tf.step(tf.sub(squaredDistances, 1e-12)), tf.sub(1, tf.eye(batch)));
  const lengths = tf.sqrt(tf.add(tf.mul(squaredDistances, apart), tf.sub(1, apart)));
  const distances = tf.mul(lengths, apart);
  const mean = tf.mul(tf.sum(distances), 1 / Math.max(1, batch * (batch - 1)));
  const someMean = tf.add(mean, tf.sub(1, tf.step(mean)));
  return {distances: tf.div(distances, someMean), cosines: cosinesOf(products, squares, tf.div(apart, lengths))};
}

const KINDS = {
  weight: kinds.number,
  distance: kinds.number,
  angle: kinds.number,
  teacher: kinds.text,
  student: kinds.text,
} satisfies Shape<RkdTermOptions>;

/**
 * @param products - G, [batch, batch]
 * @param squares - its diagonal, [batch, 1]
 * @param inverse - [batch, batch], 1 over the distance, or 0 if the distance is 0
 */
function cosinesOf(products: tf.Tensor, squares: tf.Tensor, inverse: tf.Tensor): tf.Tensor {
  const batch = products.shape[0]!;
  const ofSecond = (pairs: tf.Tensor) => tf.reshape(pairs, [batch, batch, 1]);
  const ofThird = (pairs: tf.Tensor) => tf.reshape(pairs, [batch, 1, batch]);
  const fromFirst = tf.sub(tf.reshape(squares, [batch, 1, 1]), ofSecond(products));
  const dots = tf.add(fromFirst, tf.sub(tf.reshape(products, [1, batch, batch]), ofThird(products)));
  return tf.mul(dots, tf.mul(ofSecond(inverse), ofThird(inverse)));
}

export interface RkdTermOptions extends FeaturePair, RkdOptions {
  /**
   * λ of the term.
   *
   * @default 1
   */
  readonly weight?: number;
}

/** The student learns how the examples of a batch relate to each other in a layer of a white-box teacher. */
export function rkd(options: RkdTermOptions): LossTerm {
  checkOptions('rkd', options, KINDS, ['teacher', 'student']);
  const {weight = 1, distance = 25, angle = 50, ...pair} = options;
  checkPartWeight('distance', distance);
  checkPartWeight('angle', angle);
  return featureTerm('rkd', pair, weight, () => ({
    comparesInputs: true,
    value: (teacher, student) => rkdLoss(teacher, student, {distance, angle}),
  }));
}
