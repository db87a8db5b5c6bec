import {tf} from '../engine/tf.ts';

/**
 * Rises from 0 to 1 over the first share of a run, then stays 1.
 *
 * @param progress - progress of the run, from 0 to 1; undefined if it isn't known, which counts as 1
 * @param share - from 0 (constantly 1) to 1
 */
export function rampUp(progress: tf.Scalar | undefined, share: number): tf.Scalar | number {
  if (progress === undefined || share === 0) return 1;
  return tf.minimum(1, tf.div(progress, share));
}
