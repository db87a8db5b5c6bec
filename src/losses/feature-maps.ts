import {tf} from '../engine/tf.ts';
import type {PairShapes} from './feature-pair.ts';

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
