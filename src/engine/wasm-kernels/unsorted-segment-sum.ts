import {tf} from '../tf.ts';

/**
 * Sums rows of `x` into the segments that `segmentIds` names: the gradient of `gather`, so of every embedding. Ids below
 * zero are left out, as in TensorFlow.
 */
export const unsortedSegmentSum: tf.KernelFunc = ({inputs, attrs}) => {
  const {x, segmentIds} = inputs as {x: tf.Tensor; segmentIds: tf.Tensor};
  const {numSegments} = attrs as unknown as {numSegments: number};
  const rowShape = x.shape.slice(segmentIds.shape.length);
  const size = rowShape.reduce((product, length) => product * length, 1);
  const values = tf.backend().readSync(x.dataId) as Float32Array;
  const ids = tf.backend().readSync(segmentIds.dataId) as Int32Array;
  const sums = new Float32Array(numSegments * size);
  for (let row = 0; row < ids.length; row++) {
    const segment = ids[row]!;
    if (segment < 0) continue;
    const from = row * size;
    const to = segment * size;
    for (let column = 0; column < size; column++) sums[to + column]! += values[from + column]!;
  }
  return tf.tensor(sums, [numSegments, ...rowShape], 'float32');
};
