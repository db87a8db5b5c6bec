/** The parts of TensorFlow.js that the program uses. All code outside `engine/` imports them from here. */
import {layers, tf} from '#tensorflow';

export {layers, tf};

/**
 * The values of a tensor of 32-bit floats, and nothing else of what was computed. They are read outside the tidy, which
 * searches every value that leaves it for tensors.
 */
export function valuesOf(compute: () => tf.Tensor): Float32Array {
  const tensor = tf.tidy(compute);
  const values = tensor.dataSync<'float32'>();
  tensor.dispose();
  return values;
}
