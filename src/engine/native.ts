import {availableParallelism} from 'node:os';
import util from 'node:util';
import {EngineError} from '../errors.ts';
import {type Attribute, type Attributes, dataTypes, execute, float32, nativeBackend} from './compiled/binding.ts';
import {loadTfjsNode} from './install/load.ts';
import {type Normalize, normalizeLayersBy} from './layers.ts';
import {tf} from './tf.ts';

/** With more cores, parallel operations can be worth the cost of passing them to threads. 2 cores were measured. */
const FEW_CORES = 4;

/**
 * Loads `@tensorflow/tfjs-node`, which registers itself as the backend of TensorFlow.js.
 *
 * @param folder - the only engine's folder to load it from
 * @returns the version of the TensorFlow library
 * @throws EngineError if the package is not installed or its library does not load
 */
export async function startNative(folder?: string): Promise<string> {
  presetTensorFlow(process.env, availableParallelism());
  repairUtil();
  try {
    quietly(() => loadTfjsNode(folder));
    await tf.setBackend('tensorflow');
    registerNativeKernels();
  } catch (cause) {
    throw new EngineError(whyNot(cause), {cause});
  }
  const {binding} = tf.backend() as tf.KernelBackend & {readonly binding: {readonly TF_Version: string}};
  return binding.TF_Version;
}

/** Sets variables that TensorFlow's C++ side reads when it loads. Variables that the user has set stay. */
export function presetTensorFlow(env: NodeJS.ProcessEnv, cores: number): void {
  // By default it logs to stderr.
  env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  // By default it passes a graph to its own threads at every step and waits for them, which makes a small step a tenth
  // slower. Below 0 it does not. Each operation still uses all cores.
  if (cores <= FEW_CORES) env['TF_NUM_INTEROP_THREADS'] ??= '-1';
}

/**
 * Adds functions that tfjs-node calls to `node:util`: Node 22 warns of both, Node 23 lacks one (tensorflow/tfjs#8609).
 */
export function repairUtil(): void {
  const isNullOrUndefined = (value: unknown): boolean => value === null || value === undefined;
  Object.assign(util, {isNullOrUndefined, isArray: Array.isArray});
}

/** Suppresses the advice that TensorFlow.js prints on the console, which doesn't belong in a command's output. */
function quietly<T>(load: () => T): T {
  const {warn, log, info} = console;
  Object.assign(console, {warn() {}, log() {}, info() {}});
  try {
    return load();
  } finally {
    Object.assign(console, {warn, log, info});
  }
}

function whyNot(cause: unknown): string {
  const message = cause instanceof Error ? cause.message.split('\n')[0]!.trim().replace(/\.$/, '') : String(cause);
  const missing =
    (cause as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND' && message.includes("'@tensorflow/tfjs-node'");
  return missing
    ? '@tensorflow/tfjs-node is not installed: its native library could not be fetched, or optional packages were left out. `limbeck engine install` gets it another way; `npm install @tensorflow/tfjs-node` says which it was.'
    : `@tensorflow/tfjs-node does not load: ${message}. \`limbeck engine install\` makes one that does; \`npm rebuild @tensorflow/tfjs-node\` fetches its library again.`;
}

let registered = false;

/**
 * Registers kernels for training that TensorFlow has but TensorFlow.js does not use. Only the first call does anything.
 */
function registerNativeKernels(): void {
  if (registered) return;
  registered = true;
  tf.registerGradient(reluGradient);
  replaceKernel('GatherV2', gatherUnread);
  replaceKernel('BatchMatMul', matMulOfMatrices);
  replaceKernel('ExpandDims', expandDimsByReshape);
  replaceKernel('Sum', sumByBiasGradient);
  fuseBatchNormalization();
}

function replaceKernel(name: string, around: (packaged: tf.KernelFunc) => tf.KernelFunc): void {
  const packaged = tf.getKernel(name, 'tensorflow');
  tf.unregisterKernel(name, 'tensorflow');
  tf.registerKernel({...packaged, kernelFunc: around(packaged.kernelFunc)});
}

const KERNEL = 'FusedBatchNormV3';

/** Makes batch normalization layers train by TensorFlow's fused operations, forward and backward. */
function fuseBatchNormalization(): void {
  tf.registerKernel({kernelName: KERNEL, backendName: 'tensorflow', kernelFunc: forward});
  tf.registerGradient({
    kernelName: KERNEL,
    inputsToSave: ['x', 'gamma'],
    outputsToSave: [false, false, false, true, true, true],
    gradFunc: backward,
  });
  normalizeLayersBy('tensorflow', normalize);
}

const normalize: Normalize = ({x: input, gamma, beta, epsilon}) => {
  const channels = input.shape.at(-1)!;
  const x = input.rank === 4 ? input : tf.reshape(input, [-1, 1, 1, channels]);
  const [y, mean, variance] = tf.engine().runKernel(KERNEL, {x, gamma, beta}, {epsilon}) as tf.Tensor[];
  // TensorFlow divides the sum of squares by one less than their count.
  const count = input.size / channels;
  return {
    y: input.rank === 4 ? y! : tf.reshape(y!, input.shape),
    mean: mean!,
    variance: tf.mul(variance!, (count - 1) / count),
  };
};

const forward: tf.KernelFunc = ({inputs: {x, gamma, beta}, attrs}) =>
  tf.tidy(() => {
    const none = tf.tensor1d([], 'float32');
    return execute(KERNEL, attributesOf(attrs), [x!, gamma!, beta!, none, none], 6);
  });

/** The gradient also goes through mean and variance. */
const backward: tf.GradFunc = (dy, [x, gamma, ...reserved], attrs) => {
  const [dx, dgamma, dbeta] = tf.tidy(() => {
    const inputs = [(dy as tf.Tensor[])[0]!, x!, gamma!, ...reserved];
    return execute('FusedBatchNormGradV3', attributesOf(attrs), inputs, 5).slice(0, 3);
  });
  return {x: () => dx!, gamma: () => dgamma!, beta: () => dbeta!};
};

function attributesOf(attrs: tf.NamedAttrMap | undefined): Attributes {
  return {
    T: float32,
    U: float32,
    epsilon: {kind: 'float', value: attrs!['epsilon'] as number},
    data_format: {kind: 'string', value: 'NHWC'},
    is_training: {kind: 'bool', value: true},
  };
}

/** Adds an axis of length 1 by a new shape. TensorFlow.js calls the operation without types that a graph needs. */
function expandDimsByReshape(): tf.KernelFunc {
  return ({inputs, attrs}) => {
    const input = inputs['input'] as tf.Tensor;
    const {dim} = attrs as unknown as tf.ExpandDimsAttrs;
    return tf.reshape(input, input.shape.toSpliced(dim < 0 ? input.shape.length + 1 + dim : dim, 0, 1));
  };
}

const int32: Attribute = {kind: 'type', value: dataTypes.int32};

/**
 * Rows of a table of 32-bit floats by index. TensorFlow.js reads the indices back to check them, which no compiled
 * graph can do. TensorFlow checks them too.
 */
function gatherUnread(packaged: tf.KernelFunc): tf.KernelFunc {
  return params => {
    const {x, indices} = params.inputs as unknown as {x: tf.TensorInfo; indices: tf.TensorInfo};
    const {axis, batchDims} = params.attrs as unknown as tf.GatherV2Attrs;
    if (x.dtype !== 'float32' || indices.dtype !== 'int32') return packaged(params);
    const attributes = {
      batch_dims: {kind: 'int', value: batchDims},
      Tparams: float32,
      Tindices: int32,
      Taxis: int32,
    } as const;
    return tf.tidy(() => execute('GatherV2', attributes, [x, indices, tf.scalar(axis, 'int32')])[0]!);
  };
}

/**
 * The product of two matrices by TensorFlow's operation for two matrices. TensorFlow.js uses the one for batches of
 * matrices, which is slower by a seventh to a half and is not fused with the next operation.
 */
function matMulOfMatrices(packaged: tf.KernelFunc): tf.KernelFunc {
  return params => {
    const {a, b} = params.inputs as {a: tf.Tensor; b: tf.Tensor};
    const {transposeA, transposeB} = params.attrs as unknown as tf.BatchMatMulAttrs;
    if (!isMatrix(a) || !isMatrix(b)) return packaged(params);
    const attributes = {
      T: float32,
      transpose_a: {kind: 'bool', value: transposeA},
      transpose_b: {kind: 'bool', value: transposeB},
    } as const;
    return tf.tidy(() => {
      const [product] = execute('MatMul', attributes, [matrixOf(a), matrixOf(b)]);
      const batch = a.shape.length > b.shape.length ? a.shape : b.shape;
      return batch.length === 2 ? product! : tf.reshape(product!, [...batch.slice(0, -2), ...product!.shape]);
    });
  };
}

/** True for a matrix or a batch of a single matrix. */
function isMatrix({shape, dtype}: tf.TensorInfo): boolean {
  return dtype === 'float32' && shape.slice(0, -2).every(size => size === 1);
}

function matrixOf(tensor: tf.Tensor): tf.Tensor {
  return tensor.shape.length === 2 ? tensor : tf.reshape(tensor, tensor.shape.slice(-2));
}

/**
 * The gradient of ReLU as one operation. TensorFlow.js multiplies by a step function made of six operations. It saves
 * the output instead of the input, so that TensorFlow can fuse ReLU with the operation before it.
 */
const reluGradient: tf.GradConfig = {
  kernelName: 'Relu',
  outputsToSave: [true],
  gradFunc: (dy, [y]) => ({x: () => gradient(dy as tf.Tensor, y!)}),
};

/** Gradients are registered for all backends at once. */
function gradient(dy: tf.Tensor, y: tf.Tensor): tf.Tensor {
  return nativeBackend() ? execute('ReluGrad', {T: float32}, [dy, y])[0]! : tf.mul(dy, tf.step(y));
}

/** Sums over all axes but the last, such as a bias's gradient, by TensorFlow's own operation for this. */
function sumByBiasGradient(packaged: tf.KernelFunc): tf.KernelFunc {
  return params => {
    const x = params.inputs['x']!;
    const {axis, keepDims} = params.attrs as unknown as tf.SumAttrs;
    const axes = tf.util.parseAxisParam(axis, x.shape);
    const rank = x.shape.length;
    const isBiasGradient = rank > 1 && x.dtype === 'float32' && axes.length === rank - 1 && !axes.includes(rank - 1);
    return isBiasGradient && !keepDims ? execute('BiasAddGrad', {T: float32}, [x])[0]! : packaged(params);
  };
}
