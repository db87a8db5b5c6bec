import {tf} from '../tf.ts';
import {conv2dByExplicitPadding} from './conv2d.ts';
import {conv2dFilterGradient} from './conv2d-filter-gradient.ts';
import {matMulByExplicitTranspose} from './mat-mul.ts';
import {maxPoolGradient} from './max-pool-gradient.ts';
import {unsortedSegmentSum} from './unsorted-segment-sum.ts';

let registered = false;

/** Adds what the WASM backend lacks for training, and replaces what it does slowly or wrongly. Does nothing the second time. */
export function registerTrainingKernels(): void {
  if (registered) return;
  registered = true;
  replaceKernel('BatchMatMul', matMulByExplicitTranspose);
  replaceKernel('Conv2D', conv2dByExplicitPadding);
  replaceKernel('FusedConv2D', conv2dByExplicitPadding);
  replaceKernel('MaxPoolGrad', () => maxPoolGradient);
  tf.registerKernel({kernelName: 'Conv2DBackpropFilter', backendName: 'wasm', kernelFunc: conv2dFilterGradient});
  tf.registerKernel({kernelName: 'UnsortedSegmentSum', backendName: 'wasm', kernelFunc: unsortedSegmentSum});
}

function replaceKernel(name: string, around: (packaged: tf.KernelFunc) => tf.KernelFunc): void {
  const packaged = tf.getKernel(name, 'wasm');
  tf.unregisterKernel(name, 'wasm');
  tf.registerKernel({...packaged, kernelFunc: around(packaged.kernelFunc)});
}
