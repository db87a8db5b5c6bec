import {float32} from '../compiled/attribute.ts';
import {tf} from '../tf.ts';
import {execute} from './execute.ts';

/** Sums over all axes but the last, such as a bias's gradient, by the operation that TensorFlow has for that alone. */
export function sumByBiasGradient(packaged: tf.KernelFunc): tf.KernelFunc {
  return params => {
    const x = params.inputs['x']!;
    const {axis, keepDims} = params.attrs as unknown as tf.SumAttrs;
    const axes = tf.util.parseAxisParam(axis, x.shape);
    const rank = x.shape.length;
    const isBiasGradient = rank > 1 && x.dtype === 'float32' && axes.length === rank - 1 && !axes.includes(rank - 1);
    return isBiasGradient && !keepDims ? execute('BiasAddGrad', {T: float32}, [x])[0]! : packaged(params);
  };
}
