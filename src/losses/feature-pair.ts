import type {tf} from '../engine/tf.ts';
import {InputError} from '../errors.ts';
import type {FeatureShapes, LossTerm} from './loss.ts';

/** The two layers that a feature loss compares. */
export interface FeaturePair {
  /** Layer of the teacher with the activation to learn. */
  readonly teacher: string;
  /** Layer of the student that learns it. */
  readonly student: string;
}

/** Shape of one example's activation in each layer. */
export interface PairShapes {
  readonly teacher: readonly number[];
  readonly student: readonly number[];
}

export interface PreparedPair {
  /** @default none */
  readonly variables?: readonly tf.Variable[];
  /**
   * True if it compares the inputs of a batch with each other. It then takes no weights.
   *
   * @default false
   */
  readonly comparesInputs?: boolean;
  /**
   * Both are [batch, ...shape].
   *
   * @param weights - those of `BatchTargets`
   */
  value(teacher: tf.Tensor, student: tf.Tensor, weights?: tf.Tensor1D): tf.Scalar;
}

/**
 * Makes the term of a loss that compares one layer of each side.
 *
 * @param method - its name in messages and reports
 * @param prepare - checks the shapes, and makes the value function and its variables
 */
export function featureTerm(
  method: string,
  {teacher, student}: FeaturePair,
  weight: number,
  prepare: (shapes: PairShapes, seedName: string, seed: number) => PreparedPair,
): LossTerm {
  const name = `${method} (${teacher} to ${student})`;
  return {
    name,
    weight,
    needs: {kind: 'logits', features: [teacher]},
    studentFeatures: [student],
    prepare(known, seed) {
      const shapes = {
        teacher: shapeOf(known.teacher, teacher, `The teacher shows no layer \`${teacher}\` to ${method}`),
        student: shapeOf(known.student, student, `The student shows no layer \`${student}\` to ${method}`),
      };
      const {variables = [], comparesInputs = false, value} = prepare(shapes, name, seed);
      return {
        variables,
        value(targets, outputs) {
          const weights = comparesInputs ? undefined : targets.weights;
          return value(targets.features[teacher]!, outputs.features[student]!, weights);
        },
      };
    },
  };
}

function shapeOf(shapes: FeatureShapes, layer: string, problem: string): readonly number[] {
  const shape = shapes[layer];
  if (shape !== undefined) return shape;
  const known = Object.keys(shapes).join(', ') || 'none';
  throw new InputError(`${problem}; it shows ${known}. Name one of these.`);
}

/** An error that names both layers and their shapes. */
export function mismatch(method: string, pair: FeaturePair, shapes: PairShapes, advice: string): InputError {
  return new InputError(
    `${method} can't match the teacher's layer \`${pair.teacher}\` [${shapes.teacher.join(', ')}] with the student's ` +
      `layer \`${pair.student}\` [${shapes.student.join(', ')}]: ${advice}`,
  );
}
