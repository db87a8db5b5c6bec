import {mixSeed} from '../data/random.ts';
import {layers, tf} from '../engine/tf.ts';
import {InputError} from '../errors.ts';
import type {FeatureShapes, LossTerm} from './loss.ts';

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
 */
export function hintLoss(teacher: tf.Tensor, student: tf.Tensor, weights: tf.Tensor2D, bias: tf.Tensor1D): tf.Scalar {
  return tf.tidy(() => {
    const [from, to] = weights.shape;
    const rows = tf.reshape(student, [-1, from]) as tf.Tensor2D;
    const projected = tf.add(tf.matMul(rows, weights), bias);
    return tf.mean(tf.squaredDifference(projected, tf.reshape(teacher, [-1, to])));
  });
}

export interface FeatureHintOptions {
  /** Layer of the teacher whose activation is learned. */
  readonly teacher: string;
  /** Layer of the student that learns it. */
  readonly student: string;
  /**
   * λ of the term.
   *
   * @default 50
   */
  readonly weight?: number;
}

/**
 * The student learns what a layer of a white-box teacher holds, by way of a linear projection that is trained with the
 * student and dropped after.
 */
export function featureHint({teacher, student, weight = 50}: FeatureHintOptions): LossTerm {
  const name = `feature-hint (${teacher} to ${student})`;
  return {
    name,
    weight,
    needs: {kind: 'logits', features: [teacher]},
    studentFeatures: [student],
    prepare(shapes, seed) {
      const teacherShape = shapeOf(shapes.teacher, teacher, 'teacher');
      const studentShape = shapeOf(shapes.student, student, 'student');
      checkShapes({teacher, student}, teacherShape, studentShape);
      const {weights, bias} = projection(studentShape.at(-1)!, teacherShape.at(-1)!, mixSeed(seed, name));
      return {
        variables: [weights, bias],
        value: (targets, outputs) => hintLoss(targets.features[teacher]!, outputs.features[student]!, weights, bias),
      };
    },
  };
}

function shapeOf(shapes: FeatureShapes, layer: string, side: string): readonly number[] {
  const shape = shapes[layer];
  if (shape !== undefined) return shape;
  const known = Object.keys(shapes).join(', ') || 'none';
  throw new InputError(
    `The ${side} shows no layer \`${layer}\` to feature-hint; it shows ${known}. Name one of these.`,
  );
}

function checkShapes(
  layer: {readonly teacher: string; readonly student: string},
  teacher: readonly number[],
  student: readonly number[],
): void {
  const places = (shape: readonly number[]) => shape.slice(0, -1).join(' x ');
  if (teacher.length > 0 && teacher.length === student.length && places(teacher) === places(student)) return;
  throw new InputError(
    `feature-hint can't match the teacher's layer \`${layer.teacher}\` [${teacher.join(', ')}] with the student's layer ` +
      `\`${layer.student}\` [${student.join(', ')}]: all dimensions but the last must be equal. ` +
      'Choose layers of the same height and width, or two layers that give vectors.',
  );
}

function projection(
  from: number,
  to: number,
  seed: number,
): {weights: tf.Variable<tf.Rank.R2>; bias: tf.Variable<tf.Rank.R1>} {
  return tf.tidy(() => {
    const initial = layers.initializers.glorotUniform({seed}).apply([from, to]) as tf.Tensor2D;
    return {weights: tf.variable(initial), bias: tf.variable(tf.zeros([to]) as tf.Tensor1D)};
  });
}
