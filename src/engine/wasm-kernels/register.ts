import {tf} from '../tf.ts';
import {averagePool3dGradient, averagePoolGradient} from './average-pool-gradient.ts';
import {fuseBatchNormalization} from './batch-normalization.ts';
import {normalizeByScale} from './batch-normalization-inference.ts';
import {conv2dByExplicitPadding} from './conv2d.ts';
import {conv2dFilterGradient} from './conv2d-filter-gradient.ts';
import {conv2dInputGradient} from './conv2d-input-gradient.ts';
import {conv3dByExplicitPadding} from './conv3d.ts';
import {conv3dFilterGradient} from './conv3d-filter-gradient.ts';
import {conv3dInputGradient} from './conv3d-input-gradient.ts';
import {depthwiseFilterGradient} from './depthwise-filter-gradient.ts';
import {depthwiseInputGradient} from './depthwise-input-gradient.ts';
import {identityByReference} from './identity.ts';
import {matMulByExplicitTranspose} from './mat-mul.ts';
import {maxPool3dGradient, maxPoolGradient} from './max-pool-gradient.ts';
import {pool3d} from './pool3d.ts';
import {unsortedSegmentSum} from './unsorted-segment-sum.ts';

let registered = false;

/** Adds what the WASM backend lacks for training, and replaces what it does slowly or wrongly. Does nothing the second time. */
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
