import {tf} from '../tf.ts';

/**
 * Means over all axes but the last, by average pooling: [channels]. The packaged sums transpose first and add in scalar
 * loops ([64, 32, 32, 16]: 3 ms against 0.3 ms).
 */
export function channelMeans(x: tf.Tensor): tf.Tensor1D {
  const [batch, channels] = [x.shape[0]!, x.shape.at(-1)!];
  const positions = x.size / (batch * channels);
  return tf.tidy(() => {
    const ofImages = meanOver(positions, tf.reshape(x, [batch, positions, 1, channels]));
    return tf.reshape(meanOver(batch, tf.reshape(ofImages, [1, batch, 1, channels])), [channels]);
  });
}

function meanOver(length: number, x: tf.Tensor4D): tf.Tensor4D {
  return length === 1 ? x : tf.avgPool(x, [length, 1], 1, 'valid');
}

/**
 * scale · x + shift, both [channels]. The engine computes it as a convolution of single pixels, in one pass over the
 * values.
 */
export function scaleChannels(x: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor): tf.Tensor {
  const channels = x.shape.at(-1)!;
  return tf.tidy(() => {
    const inputs = {
      x: tf.reshape(x, [1, -1, 1, channels]),
      filter: tf.reshape(scale, [1, 1, channels, 1]),
      bias: tf.reshape(shift, [channels]),
    };
    const attrs = {strides: 1, pad: 'valid', dataFormat: 'NHWC', dilations: 1, activation: 'linear'};
    return tf.reshape(tf.engine().runKernel<tf.Tensor>('FusedDepthwiseConv2D', inputs, attrs), x.shape);
  });
}
