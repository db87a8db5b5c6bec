import {type Normalize, normalizeLayersBy} from '../batch-normalization.ts';
import {type Attributes, float32} from '../compiled/attribute.ts';
import {tf} from '../tf.ts';
import {execute} from './execute.ts';

const KERNEL = 'FusedBatchNormV3';

/** Makes batch normalization layers train by TensorFlow's fused operations, forward and backward. */
export function fuseBatchNormalization(): void {
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

/** Through mean and variance too. */
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
