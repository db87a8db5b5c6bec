import {tf} from '../tf.ts';

/**
 * 3-d pooling: over height and width, then over depth. The packaged kernels are wrong for windows whose largest is not
 * above 0, and where `same` meets a window shorter than its stride.
 */
export function pool3d(pool: typeof tf.maxPool | typeof tf.avgPool): tf.KernelFunc {
  return ({inputs, attrs}) => {
    const {x} = inputs as {x: tf.Tensor5D};
    const {filterSize, strides, pad, dimRoundingMode} = attrs as unknown as tf.MaxPool3DAttrs;
    const [batch, depth, height, width, channels] = x.shape;
    const info = tf.backend_util.computePool3DInfo(x.shape, filterSize, strides, 1, pad, dimRoundingMode);
    const {filterDepth, filterHeight, filterWidth, strideDepth, strideHeight, strideWidth} = info;
    return tf.tidy(() => {
      const images = tf.reshape(x, [batch * depth, height, width, channels]) as tf.Tensor4D;
      const planes = pool(images, [filterHeight, filterWidth], [strideHeight, strideWidth], pad, dimRoundingMode);
      const columns = tf.reshape(planes, [batch, depth, info.outHeight * info.outWidth, channels]) as tf.Tensor4D;
      const pooled = pool(columns, [filterDepth, 1], [strideDepth, 1], depthPadding(pad), dimRoundingMode);
      return tf.reshape(pooled, info.outShape);
    });
  };
}

/** Padding in numbers is for every axis; the second pooling has one that is already pooled. */
function depthPadding(pad: tf.MaxPool3DAttrs['pad']): 'valid' | 'same' | tf.backend_util.ExplicitPadding {
  if (typeof pad === 'string') return pad;
  return [
    [0, 0],
    [pad, pad],
    [0, 0],
    [0, 0],
  ];
}
