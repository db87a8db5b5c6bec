import {float32} from '../compiled/attribute.ts';
import {nativeBackend} from '../compiled/binding.ts';
import {tf} from '../tf.ts';
import {execute} from './execute.ts';

/**
 * The gradient of ReLU as one operation; TensorFlow.js multiplies by a step function made of six. It saves the output
 * instead of the input, so that TensorFlow may fuse ReLU with what comes before it.
 */
export const reluGradient: tf.GradConfig = {
  kernelName: 'Relu',
  outputsToSave: [true],
  gradFunc: (dy, [y]) => ({x: () => gradient(dy as tf.Tensor, y!)}),
};

/** Gradients are registered for all backends at once. */
function gradient(dy: tf.Tensor, y: tf.Tensor): tf.Tensor {
  return nativeBackend() ? execute('ReluGrad', {T: float32}, [dy, y])[0]! : tf.mul(dy, tf.step(y));
}
