import {tf} from '../tf.ts';
import {axesOf3d} from './input-gradient.ts';

/** The packaged 3-d convolution is wrong where `same` meets a filter shorter than its stride; padding first is right. */
export function conv3dByExplicitPadding(packaged: tf.KernelFunc): tf.KernelFunc {
  return parameters => {
    const {x, filter} = parameters.inputs as {x: tf.Tensor5D; filter: tf.Tensor5D};
    const {strides, pad} = parameters.attrs as unknown as tf.Conv3DAttrs;
    const axes = axesOf3d(tf.backend_util.computeConv3DInfo(x.shape, filter.shape, strides, 1, pad));
    if (pad === 'valid' || axes.every(({filter, stride}) => filter >= stride)) return packaged(parameters);
    const margins = axes.map(({input, output, filter, stride, before}): [number, number] => [
      before,
      Math.max(0, (output - 1) * stride + filter - input - before),
    ]);
    const padded = tf.pad(x, [[0, 0], ...margins, [0, 0]]);
    const output = packaged({
      ...parameters,
      inputs: {...parameters.inputs, x: padded},
      attrs: {...parameters.attrs, pad: 'valid'},
    });
    padded.dispose();
    return output;
  };
}
