import {tf} from '../tf.ts';
import {conv2dFilterGradient} from './conv2d-filter-gradient.ts';
import {matMulByExplicitTranspose} from './mat-mul.ts';
import {unsortedSegmentSum} from './unsorted-segment-sum.ts';

let registered = false;

/** Adds what the WASM backend lacks for training, and replaces what it does slowly. Does nothing the second time. */
export function registerTrainingKernels(): void {
  if (registered) return;
  registered = true;
  const packaged = tf.getKernel('BatchMatMul', 'wasm');
  if (packaged === undefined) return;
  tf.unregisterKernel('BatchMatMul', 'wasm');
  tf.registerKernel({...packaged, kernelFunc: matMulByExplicitTranspose(packaged.kernelFunc)});
  tf.registerKernel({kernelName: 'Conv2DBackpropFilter', backendName: 'wasm', kernelFunc: conv2dFilterGradient});
  tf.registerKernel({kernelName: 'UnsortedSegmentSum', backendName: 'wasm', kernelFunc: unsortedSegmentSum});
}
