import {layers} from '../engine/tf.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {checkImages, checkWidths, classifier, heNormal, through} from './building-blocks.ts';
import type {StudentBuilder} from './student.ts';

export interface LenetOptions {
  /**
   * Filters of the first and of the second convolution.
   *
   * @default [20, 50]
   */
  readonly filters?: readonly [first: number, second: number];
  /**
   * Width of the hidden dense layer.
   *
   * @default 200
   */
  readonly units?: number;
}

/** Smaller images vanish in two unpadded 5 x 5 convolutions and two 2 x 2 poolings. */
const smallestImage = 16;

const KINDS = {filters: kinds.numbers, units: kinds.number} satisfies Shape<LenetOptions>;

/**
 * A convolutional network in the manner of LeNet-5, LeCun et al. (1998), with ReLU and max pooling. Layers: `conv_1`,
 * `pool_1`, `conv_2`, `pool_2`, `flatten`, `dense_1`, `logits`.
 */
export function lenet(options: LenetOptions = {}): StudentBuilder {
  checkOptions('lenet', options, KINDS);
  const {filters = [20, 50], units = 200} = options;
  checkWidths('filters', filters);
  checkWidths('units', [units]);
  return (task, seed) => {
    checkImages('lenet', task.inputShape, smallestImage);
    return classifier('lenet', task, seed, input => {
      const hidden = layers.layers.dense({
        name: 'dense_1',
        units,
        activation: 'relu',
        kernelInitializer: heNormal(seed, 'dense_1'),
      });
      return through(
        input,
        convolution('conv_1', filters[0], seed),
        pooling('pool_1'),
        convolution('conv_2', filters[1], seed),
        pooling('pool_2'),
        layers.layers.flatten({name: 'flatten'}),
        hidden,
      );
    });
  };
}

function convolution(name: string, filters: number, seed: number): layers.layers.Layer {
  return layers.layers.conv2d({
    name,
    filters,
    kernelSize: 5,
    activation: 'relu',
    kernelInitializer: heNormal(seed, name),
  });
}

function pooling(name: string): layers.layers.Layer {
  return layers.layers.maxPooling2d({name, poolSize: 2, strides: 2});
}
