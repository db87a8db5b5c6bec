import {type layers, tf} from '../engine/tf.ts';
import type {Student} from './student.ts';

type Layer = layers.layers.Layer;
export type SymbolicTensor = layers.SymbolicTensor;

/** Whether the model's last layer is a softmax or has one as its activation. */
export function endsInSoftmax(model: layers.LayersModel): boolean {
  const last = lastLayer(model);
  return last.getClassName() === 'Softmax' || last.getConfig()['activation'] === 'softmax';
}

/** The point of a model's graph that logits can be had from, and what leads from it to them. */
export interface LogitSource {
  readonly point: SymbolicTensor;
  readonly toLogits: (value: tf.Tensor) => tf.Tensor2D;
}

/**
 * Where a student's logits come from. Of a model that gives probabilities it is what goes into the softmax, where that
 * is a layer of its own or the activation of a dense layer. Elsewhere they are log(max(p, 1e-8)): logits up to a
 * constant a row, cut off below.
 */
export function logitSource({model, output}: Student): LogitSource {
  const point = model.outputs[0]!;
  if (output === 'logits') return {point, toLogits: value => value as tf.Tensor2D};
  const last = lastLayer(model);
  if (endsInSoftmax(model)) {
    if (last.getClassName() === 'Softmax' || last.getClassName() === 'Activation') {
      return {point: inputOf(last), toLogits: value => value as tf.Tensor2D};
    }
    if (last.getClassName() === 'Dense') {
      return {point: inputOf(last), toLogits: value => withoutActivation(last, value)};
    }
  }
  return {point, toLogits: value => tf.log(tf.maximum(value, 1e-8)) as tf.Tensor2D};
}

function lastLayer(model: layers.LayersModel): Layer {
  return model.outputs[0]!.sourceLayer;
}

function inputOf(layer: Layer): SymbolicTensor {
  return layer.getInputAt(0) as SymbolicTensor;
}

/** A dense layer up to its activation; the weights are the layer's own, so gradients reach them. */
function withoutActivation(dense: Layer, value: tf.Tensor): tf.Tensor2D {
  const [kernel, bias] = dense.weights.map(weight => weight.read());
  const product = tf.matMul(value as tf.Tensor2D, kernel as tf.Tensor2D);
  return (bias === undefined ? product : tf.add(product, bias)) as tf.Tensor2D;
}
