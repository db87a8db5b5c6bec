import {tf} from '../engine/tf.ts';
import {InputError} from '../errors.ts';
import {type FeatureShapes, type LossTerm, VECTOR} from './loss.ts';

/** The two layers that a feature loss compares. */
export interface FeaturePair {
  /** Layer of the teacher with the activation to learn; `vector` for the vectors of an embedding model. */
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
    needs: teacher === VECTOR ? {kind: 'vector'} : {kind: 'logits', features: [teacher]},
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

/** The height and width to which both maps can be pooled: those of the smaller. Undefined if neither is a multiple. */
export function commonSize({teacher, student}: PairShapes): readonly [number, number] | undefined {
  if (teacher.length !== 3 || student.length !== 3) return undefined;
  const locations = ([height, width]: readonly number[]) => height! * width!;
  const [small, large] = locations(teacher) <= locations(student) ? [teacher, student] : [student, teacher];
  const [height, width] = [small[0]!, small[1]!];
  return large[0]! % height === 0 && large[1]! % width === 0 ? [height, width] : undefined;
}

/**
 * Averages blocks, to reduce maps to a height and width that divide theirs.
 *
 * @param maps - [batch, height, width, channels]
 */
export function pooled(maps: tf.Tensor, [height, width]: readonly [number, number]): tf.Tensor {
  const [, fromHeight, fromWidth, channels] = maps.shape as [number, number, number, number];
  if (fromHeight === height && fromWidth === width) return maps;
  const rows = tf.mean(tf.reshape(maps, [-1, fromHeight / height, fromWidth * channels]), 1);
  const blocks = tf.mean(tf.reshape(rows, [-1, fromWidth / width, channels]), 1);
  return tf.reshape(blocks, [-1, height, width, channels]);
}

/** [batch, ...shape] as [batch, values]. */
export function flat(features: tf.Tensor): tf.Tensor2D {
  const [, ...shape] = features.shape;
  return tf.reshape(features, [-1, shape.reduce((product, length) => product * length, 1)]);
}
