import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import {type Normalize, normalizeLayersBy} from '../layers.ts';
import {tf} from '../tf.ts';
import {
  channelMeans,
  conv2dByExplicitPadding,
  conv2dFilterGradient,
  conv2dInputGradient,
  conv3dByExplicitPadding,
  conv3dFilterGradient,
  conv3dInputGradient,
  depthwiseFilterGradient,
  depthwiseInputGradient,
  scaleChannels,
} from './convolutions.ts';
import {averagePool3dGradient, averagePoolGradient, maxPool3dGradient, maxPoolGradient, pool3d} from './pools.ts';

let registered = false;

/**
 * Adds kernels that training needs, and replaces slow or wrong kernels of the WASM backend. Only the first call acts.
 */
export function registerTrainingKernels(): void {
  if (registered) return;
  registered = true;
  replaceKernel('AvgPoolGrad', () => averagePoolGradient);
  replaceKernel('AvgPool3DGrad', () => averagePool3dGradient);
  replaceKernel('AvgPool3D', () => pool3d(tf.avgPool));
  replaceKernel('BatchMatMul', matMulByExplicitTranspose);
  replaceKernel('Conv2D', conv2dByExplicitPadding);
  replaceKernel('Conv2DBackpropInput', () => conv2dInputGradient);
  replaceKernel('Conv3D', conv3dByExplicitPadding);
  replaceKernel('Conv3DBackpropFilterV2', () => conv3dFilterGradient);
  replaceKernel('Conv3DBackpropInputV2', () => conv3dInputGradient);
  replaceKernel('DepthwiseConv2dNative', conv2dByExplicitPadding);
  replaceKernel('FusedBatchNorm', normalizeByScale);
  replaceKernel('FusedConv2D', conv2dByExplicitPadding);
  replaceKernel('FusedDepthwiseConv2D', conv2dByExplicitPadding);
  replaceKernel('Identity', identityByReference);
  replaceKernel('MaxPoolGrad', () => maxPoolGradient);
  replaceKernel('MaxPool3D', () => pool3d(tf.maxPool));
  replaceKernel('MaxPool3DGrad', () => maxPool3dGradient);
  addKernel('Conv2DBackpropFilter', conv2dFilterGradient);
  addKernel('DepthwiseConv2dNativeBackpropFilter', depthwiseFilterGradient);
  addKernel('DepthwiseConv2dNativeBackpropInput', depthwiseInputGradient);
  addKernel('UnsortedSegmentSum', unsortedSegmentSum);
  fuseBatchNormalization();
}

function addKernel(kernelName: string, kernelFunc: tf.KernelFunc): void {
  tf.registerKernel({kernelName, backendName: 'wasm', kernelFunc});
}

function replaceKernel(name: string, around: (packaged: tf.KernelFunc) => tf.KernelFunc): void {
  const packaged = tf.getKernel(name, 'wasm');
  tf.unregisterKernel(name, 'wasm');
  tf.registerKernel({...packaged, kernelFunc: around(packaged.kernelFunc)});
}

/** The same values under another name. The packaged kernel copies all that a gradient keeps for later. */
function identityByReference(packaged: tf.KernelFunc): tf.KernelFunc {
  return parameters => {
    const x = parameters.inputs['x']!;
    if (x.dtype === 'string') return packaged(parameters);
    (parameters.backend as BackendWasm).incRef(x.dataId);
    return {...x};
  };
}

/**
 * The packaged kernel multiplies plain operands with XNNPACK but uses scalar loops if one is transposed, as in every
 * gradient. Transposing first is five to ten times faster ([64, 784]ᵀ · [64, 64]: 2.5 ms against 0.5 ms).
 */
function matMulByExplicitTranspose(packaged: tf.KernelFunc): tf.KernelFunc {
  return parameters => {
    const {transposeA, transposeB} = parameters.attrs as {transposeA: boolean; transposeB: boolean};
    const {a, b} = parameters.inputs as {a: tf.Tensor; b: tf.Tensor};
    const plain = transposeA === transposeB && !transposeA;
    if (plain || a.dtype !== 'float32' || b.dtype !== 'float32') return packaged(parameters);
    return tf.tidy(() => {
      const left = transposeA ? swapInnerAxes(a) : a;
      const right = transposeB ? swapInnerAxes(b) : b;
      return tf.matMul(left, right);
    });
  };
}

/** Kernels get only descriptions of tensors, but the engine's own functions accept these. */
function swapInnerAxes(tensor: tf.TensorInfo): tf.Tensor {
  const axes = tensor.shape.map((_, axis) => axis);
  const last = axes.length - 1;
  return tf.transpose(tensor as tf.Tensor, [...axes.slice(0, last - 1), last, last - 1]);
}

/**
 * Sums rows of `x` into the segments that `segmentIds` names: the gradient of `gather`, and so of every embedding. Ids
 * below zero are left out, as in TensorFlow.
 */
const unsortedSegmentSum: tf.KernelFunc = ({inputs, attrs}) => {
  const {x, segmentIds} = inputs as {x: tf.Tensor; segmentIds: tf.Tensor};
  const {numSegments} = attrs as unknown as {numSegments: number};
  const rowShape = x.shape.slice(segmentIds.shape.length);
  const size = rowShape.reduce((product, length) => product * length, 1);
  const values = tf.backend().readSync(x.dataId) as Float32Array;
  const ids = tf.backend().readSync(segmentIds.dataId) as Int32Array;
  const sums = new Float32Array(numSegments * size);
  for (let row = 0; row < ids.length; row++) {
    const segment = ids[row]!;
    if (segment < 0) continue;
    const from = row * size;
    const to = segment * size;
    for (let column = 0; column < size; column++) sums[to + column]! += values[from + column]!;
  }
  return tf.tensor(sums, [numSegments, ...rowShape], 'float32');
};

const KERNEL = 'TrainingBatchNorm';

/** Makes batch normalization layers train in a few passes over the values, forward and backward. */
function fuseBatchNormalization(): void {
  tf.registerKernel({kernelName: KERNEL, backendName: 'wasm', kernelFunc: forward});
  tf.registerGradient({
    kernelName: KERNEL,
    inputsToSave: ['gamma'],
    outputsToSave: [false, true, false, true],
    gradFunc: backward,
  });
  normalizeLayersBy('wasm', normalize);
}

const normalize: Normalize = ({x, gamma, beta, epsilon}) => {
  const [y, , mean, variance] = tf.engine().runKernel(KERNEL, {x, gamma, beta}, {epsilon}) as tf.Tensor[];
  return {y: y!, mean: mean!, variance: variance!};
};

/** [y, x − mean, mean, variance] */
const forward: tf.KernelFunc = ({inputs, attrs}) => {
  const {x, gamma, beta} = inputs as {x: tf.Tensor; gamma: tf.Tensor; beta: tf.Tensor};
  return tf.tidy(() => {
    const mean = channelMeans(x);
    const centred = scaleChannels(x, tf.onesLike(mean), tf.neg(mean));
    const variance = channelMeans(tf.square(centred));
    const y = scaleChannels(centred, tf.mul(gamma, inverseDeviation(variance, attrs)), beta);
    return [y, centred, mean, variance];
  });
};

/** The gradient also goes through mean and variance. Ioffe and Szegedy (2015), Batch Normalization, section 3. */
const backward: tf.GradFunc = (dys, [gamma, centred, variance], attrs) => {
  const dy = (dys as tf.Tensor[])[0]!;
  const [dx, dgamma, dbeta] = tf.tidy(() => {
    const inverse = inverseDeviation(variance!, attrs);
    const count = dy.size / inverse.size;
    const [flow, along] = [channelMeans(dy), channelMeans(tf.mul(dy, centred!))];
    const scale = tf.mul(gamma!, inverse);
    const spread = scaleChannels(centred!, tf.mul(tf.mul(scale, tf.square(inverse)), along), tf.zerosLike(along));
    const dx = tf.sub(scaleChannels(dy, scale, tf.neg(tf.mul(scale, flow))), spread);
    return [dx, tf.mul(tf.mul(along, inverse), count), tf.mul(flow, count)];
  });
  return {x: () => dx!, gamma: () => dgamma!, beta: () => dbeta!};
};

function inverseDeviation(variance: tf.Tensor, attrs: tf.NamedAttrMap | undefined): tf.Tensor {
  return tf.rsqrt(tf.add(variance, attrs!['epsilon'] as number));
}

/**
 * Batch normalization by known averages of channels, as one scale and shift. The packaged kernel is a scalar loop
 * ([64, 32, 32, 16]: 3.6 ms against 0.4 ms).
 */
function normalizeByScale(packaged: tf.KernelFunc): tf.KernelFunc {
  return parameters => {
    const {x, mean, variance, scale, offset} = parameters.inputs as Record<string, tf.Tensor>;
    const {varianceEpsilon} = parameters.attrs as unknown as tf.FusedBatchNormAttrs;
    if (mean!.shape.length !== 1 || !scale || !offset) return packaged(parameters);
    return tf.tidy(() => {
      const factor = tf.mul(scale, tf.rsqrt(tf.add(variance!, varianceEpsilon)));
      return scaleChannels(x!, factor, tf.sub(offset, tf.mul(mean!, factor)));
    });
  };
}
