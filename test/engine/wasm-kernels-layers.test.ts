import {beforeEach, describe, expect, it} from 'vitest';
import {startEngine, startWasm} from '../../src/engine/engine.ts';
import {layers, tf} from '../../src/engine/tf.ts';
import {expectAdjoint, expectClose, noise, onBoth} from './on-backends.ts';

const {name, reason} = await startEngine();
await startWasm();

const {layers: make} = layers;
const activations = [
  ...['elu', 'hardSigmoid', 'linear', 'relu', 'relu6', 'selu', 'sigmoid', 'softmax', 'softplus', 'softsign', 'tanh'],
  ...['swish', 'mish', 'gelu'],
] as 'relu'[];
// TensorFlow.js's own default, orthogonal, calls methods that the program does not register.
const recurrent = {units: 3, recurrentInitializer: 'glorotUniform'} as const;

/** The shape of a batch, and a layer that takes it. */
type Case = readonly [name: string, shape: readonly number[], create: () => layers.layers.Layer];

/** Layers that students are made of. */
const cases: readonly Case[] = [
  ['dense', [4, 5], () => make.dense({units: 3})],
  ['dense on sequences', [4, 6, 5], () => make.dense({units: 3})],
  ...activations.map((activation): Case => [`activation ${activation}`, [4, 5], () => make.activation({activation})]),
  ...activations.map(
    (activation): Case => [
      `conv2d with ${activation}`,
      [2, 6, 6, 3],
      () => make.conv2d({filters: 4, kernelSize: 3, activation}),
    ],
  ),
  ['conv1d', [2, 9, 3], () => make.conv1d({filters: 4, kernelSize: 3, padding: 'same'})],
  ['conv1d with strides', [2, 9, 3], () => make.conv1d({filters: 4, kernelSize: 3, strides: 2})],
  [
    'conv2d with strides',
    [2, 9, 8, 3],
    () => make.conv2d({filters: 4, kernelSize: [3, 2], padding: 'same', strides: 2}),
  ],
  [
    'conv2d of single pixels',
    [2, 9, 8, 3],
    () => make.conv2d({filters: 4, kernelSize: 1, padding: 'same', strides: 2}),
  ],
  ['conv2d, channels first', [2, 3, 9, 8], () => make.conv2d({filters: 4, kernelSize: 3, dataFormat: 'channelsFirst'})],
  [
    'conv2dTranspose',
    [2, 4, 4, 3],
    () => make.conv2dTranspose({filters: 4, kernelSize: 3, strides: 2, padding: 'same'}),
  ],
  ['conv3d', [2, 5, 5, 5, 2], () => make.conv3d({filters: 4, kernelSize: 3})],
  ['depthwiseConv2d', [2, 7, 8, 3], () => make.depthwiseConv2d({kernelSize: 3, padding: 'same', activation: 'relu'})],
  [
    'depthwiseConv2d with strides',
    [2, 7, 8, 3],
    () => make.depthwiseConv2d({kernelSize: 3, strides: 2, depthMultiplier: 2}),
  ],
  ['separableConv2d', [2, 7, 8, 3], () => make.separableConv2d({filters: 4, kernelSize: 3, padding: 'same'})],
  [
    'separableConv2d with strides',
    [2, 7, 8, 3],
    () => make.separableConv2d({filters: 4, kernelSize: 3, strides: 2, depthMultiplier: 2}),
  ],
  ['averagePooling1d', [2, 8, 3], () => make.averagePooling1d({poolSize: 2})],
  ['averagePooling2d', [2, 8, 8, 3], () => make.averagePooling2d({poolSize: 2})],
  ['averagePooling3d', [2, 4, 4, 4, 3], () => make.averagePooling3d({poolSize: 2})],
  ['maxPooling1d', [2, 8, 3], () => make.maxPooling1d({poolSize: 2})],
  ['maxPooling2d', [2, 7, 8, 3], () => make.maxPooling2d({poolSize: 3, strides: 2, padding: 'same'})],
  ['maxPooling3d', [2, 4, 4, 4, 3], () => make.maxPooling3d({poolSize: 2})],
  ['globalAveragePooling1d', [2, 8, 3], () => make.globalAveragePooling1d({})],
  ['globalAveragePooling2d', [2, 8, 8, 3], () => make.globalAveragePooling2d({})],
  ['globalMaxPooling1d', [2, 8, 3], () => make.globalMaxPooling1d({})],
  ['globalMaxPooling2d', [2, 8, 8, 3], () => make.globalMaxPooling2d({})],
  ['batchNormalization', [4, 5, 6, 3], () => make.batchNormalization({momentum: 0.8})],
  ['batchNormalization, the axis by its number', [4, 5, 6, 3], () => make.batchNormalization({axis: 3})],
  ['batchNormalization of vectors', [16, 5], () => make.batchNormalization({})],
  ['batchNormalization of sequences', [4, 7, 5], () => make.batchNormalization({})],
  ['batchNormalization of a single example', [1, 1, 1, 4], () => make.batchNormalization({})],
  ['layerNormalization', [4, 3, 5], () => make.layerNormalization({})],
  ['layerNormalization over two axes', [4, 3, 5], () => make.layerNormalization({axis: [1, 2]})],
  ['leakyReLU', [4, 5], () => make.leakyReLU()],
  ['prelu', [4, 5], () => make.prelu()],
  ['elu', [4, 5], () => make.elu()],
  ['reLU', [4, 5], () => make.reLU({maxValue: 1})],
  ['softmax', [4, 5], () => make.softmax()],
  ['flatten', [2, 3, 4], () => make.flatten()],
  ['reshape', [2, 3, 4], () => make.reshape({targetShape: [6, 2]})],
  ['permute', [2, 3, 4], () => make.permute({dims: [2, 1]})],
  ['repeatVector', [2, 4], () => make.repeatVector({n: 3})],
  ['zeroPadding2d', [2, 3, 4, 3], () => make.zeroPadding2d({padding: [1, 2]})],
  [
    'cropping2D',
    [2, 5, 6, 3],
    () =>
      make.cropping2D({
        cropping: [
          [1, 1],
          [2, 0],
        ],
      }),
  ],
  ['dropout', [2, 5, 6], () => make.dropout({rate: 0.5, seed: 3})],
  ['spatialDropout1d', [2, 5, 6], () => make.spatialDropout1d({rate: 0.5, seed: 3})],
  ['gaussianNoise', [2, 5, 6], () => make.gaussianNoise({stddev: 0})],
  ['simpleRNN', [2, 5, 4], () => make.simpleRNN(recurrent)],
  ['lstm', [2, 5, 4], () => make.lstm({...recurrent, returnSequences: true})],
  ['gru', [2, 5, 4], () => make.gru(recurrent)],
  ['bidirectional', [2, 5, 4], () => make.bidirectional({layer: make.lstm(recurrent), mergeMode: 'concat'})],
  ['timeDistributed', [2, 5, 4], () => make.timeDistributed({layer: make.dense({units: 3})})],
  ['embedding', [4, 6], () => make.embedding({inputDim: 7, outputDim: 3})],
];

/** The output of a layer in training, the gradients of its input and weights, and its weights afterwards. */
function trained(shape: readonly number[], layer: layers.layers.Layer): tf.Tensor[] {
  const isDiscrete = layer.getClassName() === 'Embedding';
  const x = isDiscrete ? tf.randomUniform([...shape], 0, 7, 'int32', 1) : tf.add(noise([...shape], 1), 0.3);
  const run = (x: tf.Tensor) => layer.apply(x, {training: true}) as tf.Tensor;
  const {shape: outputShape} = run(x);
  // The same weights on every backend; those of one axis are around 1, as scales and variances must be.
  const weights = layer.getWeights().map(({shape}, index) => {
    return tf.add(shape.length === 1 ? 1 : 0, tf.mul(noise(shape, index + 5), 0.2));
  });
  layer.setWeights(weights);
  const variables = layer.trainableWeights.map(weight => weight.read() as tf.Variable);
  const loss = (x: tf.Tensor) => tf.sum(tf.mul(noise(outputShape, 2), run(x))) as tf.Scalar;
  const dx = isDiscrete ? [] : [tf.grad(loss)(x)];
  const {grads} = variables.length > 0 ? tf.variableGrads(() => loss(x), variables) : {grads: {}};
  const gradients = variables.map(({name}) => (grads as tf.NamedTensorMap)[name]!);
  return [run(x), ...dx, ...gradients, ...layer.getWeights().map(weight => tf.clone(weight))];
}

describe.each(['wasm', 'native'])('on the engine %s', engine => {
  const backend = engine === 'native' ? 'tensorflow' : engine;

  beforeEach(async context => {
    context.skip(engine === 'native' && name !== 'native', `needs the native engine, and ${name} runs: ${reason}`);
    await tf.setBackend(backend);
  });

  it.each(cases)('%s trains as on the JavaScript backend', async (_, shape, create) => {
    expectClose(await onBoth(backend, () => trained(shape, create())));
  });

  // The JavaScript backend gets these gradients wrong.
  it.each(['nearest', 'bilinear'] as const)('upSampling2d trains, %s', interpolation => {
    const layer = make.upSampling2d({size: [2, 3], interpolation});
    expectAdjoint(x => layer.apply(x) as tf.Tensor, noise([2, 3, 4, 3], 1), noise([2, 3, 4, 3], 2));
  });

  it.each(['same', 'valid'] as const)('average pooling trains, %s', padding => {
    const layer = make.averagePooling2d({poolSize: 3, strides: 2, padding});
    expectAdjoint(x => layer.apply(x) as tf.Tensor, noise([2, 7, 8, 3], 1), noise([2, 7, 8, 3], 2));
  });

  it('a step leaves no tensor behind', () => {
    const model = layers.sequential({
      layers: [
        make.separableConv2d({inputShape: [8, 8, 3], filters: 4, kernelSize: 3, padding: 'same'}),
        make.batchNormalization({}),
        make.averagePooling2d({poolSize: 2}),
        make.conv2d({filters: 4, kernelSize: 3, activation: 'relu'}),
        make.flatten(),
        make.dense({units: 2}),
      ],
    });
    const [x, optimizer] = [noise([4, 8, 8, 3], 1), tf.train.adam(0.01)];
    const step = () =>
      tf.tidy(() => {
        optimizer.minimize(() => tf.sum(tf.square(model.apply(x, {training: true}) as tf.Tensor)));
      });
    step();
    const {numTensors, numDataBuffers} = tf.memory();
    step();
    expect(tf.memory()).toMatchObject({numTensors, numDataBuffers});
  });
});
