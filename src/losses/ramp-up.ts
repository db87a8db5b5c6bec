import {tf} from '../engine/tf.ts';

/**
 * From 0 to 1 over the first share of a run, then 1.
 *
 * @param progress - how far the run is, from 0 to 1; undefined if it isn't known, which counts as its end
 * @param share - from 0 (1 from the start) to 1
 */
export function rampUp(progress: tf.Scalar | undefined, share: number): tf.Scalar | number {
  if (progress === undefined || share === 0) return 1;
  return tf.minimum(1, tf.div(progress, share));
}
