import {tf} from '../tf.ts';
import {fuseBatchNormalization} from './batch-normalization.ts';
import {expandDimsByReshape} from './expand-dims.ts';
import {gatherUnread} from './gather.ts';
import {matMulOfMatrices} from './mat-mul.ts';
import {reluGradient} from './relu-gradient.ts';
import {sumByBiasGradient} from './sum.ts';

let registered = false;

/** Gives training the kernels that TensorFlow has and TensorFlow.js does not use. Does nothing the second time. */
export function registerNativeKernels(): void {
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
