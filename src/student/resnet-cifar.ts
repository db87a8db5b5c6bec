import {layers} from '../engine/tf.ts';
import {InputError} from '../errors.ts';
import {checkOptions, kinds, oneOf, type Shape} from '../options.ts';
import {checkImages, classifier, heNormal, through} from './building-blocks.ts';
import type {StudentBuilder} from './student.ts';

type Layer = layers.layers.Layer;
type SymbolicTensor = layers.SymbolicTensor;

export interface ResnetCifarOptions {
  /** Layers with weights: 6n + 2 for n blocks a stage. */
  readonly depth: 20 | 32 | 44 | 56 | 110;
  /**
   * How a shortcut changes shape. `A` drops every other pixel and adds channels of zeros, without parameters. `B` is a
   * 1 x 1 convolution with batch norm.
   *
   * @default 'A'
   */
  readonly shortcut?: 'A' | 'B';
}

/** Filters of the three stages. */
const widths = [16, 32, 64] as const;

/** The settings that the layers of one network share. */
interface Network {
  readonly shortcut: 'A' | 'B';
  readonly seed: number;
}

const KINDS = {depth: kinds.number, shortcut: oneOf('A', 'B')} satisfies Shape<ResnetCifarOptions>;

/**
 * The residual networks for small images of He et al. (2015), Deep Residual Learning, section 4.2: a 3 x 3 convolution,
 * three stages of n blocks with 16, 32 and 64 filters, global average pooling, logits. On 32 x 32 x 3 and 10 classes a
 * depth of 20 trains 269,722 weights, 56 trains 853,018 and 110 trains 1,727,962.
 *
 * Layers: `conv_1`, `bn_1`, `relu_1`, then for each block `stage2_block1_conv_1`, `…_bn_1`, `…_relu_1`, `…_conv_2`,
 * `…_bn_2`, `…_add`, `…_relu_2` (its output), then `pool` and `logits`.
 */
export function resnetCifar(options: ResnetCifarOptions): StudentBuilder {
  checkOptions('resnetCifar', options, KINDS, ['depth']);
  const {depth, shortcut = 'A'} = options;
  const blocks = (depth - 2) / 6;
  if (!Number.isInteger(blocks) || blocks < 1) {
    throw new InputError(`Expected \`depth\` to be 20, 32, 44, 56 or 110, got ${depth}.`);
  }
  return (task, seed) => {
    checkImages(`resnet-${depth}`, task.inputShape, 4);
    return classifier(`resnet_${depth}`, task, seed, input => {
      const network = {shortcut, seed};
      let value = through(input, ...convolution('conv_1', 'bn_1', {filters: widths[0], seed}), relu('relu_1'));
      for (const [stage, filters] of widths.entries()) {
        for (let block = 0; block < blocks; block++) {
          const strides = stage > 0 && block === 0 ? 2 : 1;
          value = residual(value, `stage${stage + 1}_block${block + 1}`, {...network, filters, strides});
        }
      }
      return through(value, layers.layers.globalAveragePooling2d({name: 'pool'}));
    });
  };
}

/** Two convolutions and a shortcut around them. */
function residual(
  input: SymbolicTensor,
  name: string,
  {shortcut, seed, filters, strides}: Network & {readonly filters: number; readonly strides: number},
): SymbolicTensor {
  const residue = through(
    input,
    ...convolution(`${name}_conv_1`, `${name}_bn_1`, {filters, seed, strides}),
    relu(`${name}_relu_1`),
    ...convolution(`${name}_conv_2`, `${name}_bn_2`, {filters, seed}),
  );
  const around = strides === 1 ? input : through(input, ...growing[shortcut](name, filters, seed));
  const sum = layers.layers.add({name: `${name}_add`}).apply([residue, around]) as SymbolicTensor;
  return through(sum, relu(`${name}_relu_2`));
}

/** Shortcuts that halve the image and double the channels, by option. */
const growing: Record<'A' | 'B', (name: string, filters: number, seed: number) => readonly Layer[]> = {
  // Uses stock layers only, so that a saved model loads wherever TensorFlow.js does. In channels-first order, the two
  // inner axes of padding are width and channels.
  A: (name, filters) => [
    layers.layers.averagePooling2d({name: `${name}_subsample`, poolSize: 1, strides: 2}),
    layers.layers.zeroPadding2d({
      name: `${name}_pad_channels`,
      padding: [
        [0, 0],
        [0, filters / 2],
      ],
      dataFormat: 'channelsFirst',
    }),
  ],
  B: (name, filters, seed) =>
    convolution(`${name}_shortcut_conv`, `${name}_shortcut_bn`, {filters, seed, strides: 2, kernelSize: 1}),
};

interface ConvolutionOptions {
  readonly filters: number;
  readonly seed: number;
  /** @default 1 */
  readonly strides?: number;
  /** @default 3 */
  readonly kernelSize?: number;
}

/** A convolution without bias, because the batch norm that follows has its own. */
function convolution(
  name: string,
  norm: string,
  {filters, seed, strides = 1, kernelSize = 3}: ConvolutionOptions,
): readonly Layer[] {
  const kernelInitializer = heNormal(seed, name);
  return [
    layers.layers.conv2d({name, filters, kernelSize, strides, padding: 'same', useBias: false, kernelInitializer}),
    layers.layers.batchNormalization({name: norm, momentum: 0.9, epsilon: 1e-5}),
  ];
}

function relu(name: string): Layer {
  return layers.layers.activation({name, activation: 'relu'});
}
