import {tf} from '../tf.ts';

interface Attributes {
  readonly strides: number | [number, number];
  /** Null where a layer for depthwise convolutions has none. */
  readonly dilations: number | [number, number] | null;
  readonly pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
  readonly dimRoundingMode: 'floor' | 'round' | 'ceil' | undefined;
}

/**
 * The packaged convolution is wrong where `same` meets a filter shorter than its stride along one axis only, and writes
 * out of bounds for some paddings in numbers. Padding the input first and convolving without is right for all.
 *
 * @param packaged - the kernel of a 2-d convolution, fused or depthwise or neither
 */
export function conv2dByExplicitPadding(packaged: tf.KernelFunc): tf.KernelFunc {
  return parameters => {
    const {x, filter} = parameters.inputs as {x: tf.Tensor4D; filter: tf.Tensor4D};
    const {strides, dilations, pad, dimRoundingMode} = parameters.attrs as unknown as Attributes;
    const info = tf.backend_util.computeConv2DInfo(
      x.shape,
      filter.shape,
      strides,
      dilations ?? 1,
      pad,
      dimRoundingMode,
    );
    const short = info.filterHeight < info.strideHeight || info.filterWidth < info.strideWidth;
    if (pad === 'valid' || (pad === 'same' && !short)) return packaged(parameters);
    const {top, bottom, left, right} = info.padInfo;
    const padded = tf.pad(x, [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ]);
    const output = packaged({
      ...parameters,
      inputs: {...parameters.inputs, x: padded},
      attrs: {...parameters.attrs, pad: 'valid', dimRoundingMode: 'floor'},
    });
    padded.dispose();
    return output;
  };
}
