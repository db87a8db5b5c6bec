import {type layers, tf} from '../engine/tf.ts';
import type {Student} from './student.ts';

type Layer = layers.layers.Layer;
export type SymbolicTensor = layers.SymbolicTensor;

/** True if the model's last layer is a softmax, or has one as its activation. */
export function endsInSoftmax(model: layers.LayersModel): boolean {
  const last = lastLayer(model);
  return last.getClassName() === 'Softmax' || last.getConfig()['activation'] === 'softmax';
}

/** The tensor in a model's graph from which logits are computed, and the function that computes them. */
export interface LogitSource {
  readonly point: SymbolicTensor;
  readonly toLogits: (value: tf.Tensor) => tf.Tensor2D;
}

/**
 * Finds the source of a student's logits. If the student gives probabilities, the source is the input of the softmax,
 * which is either a layer of its own or the activation of a dense layer. For other models the logits are log(max(p,
 * 1e-8)): exact up to a constant for each row, with a lower limit.
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

/** A dense layer without its activation. It uses the layer's own weights, so gradients reach them. */
function withoutActivation(dense: Layer, value: tf.Tensor): tf.Tensor2D {
  const [kernel, bias] = dense.weights.map(weight => weight.read());
  const product = tf.matMul(value as tf.Tensor2D, kernel as tf.Tensor2D);
  return (bias === undefined ? product : tf.add(product, bias)) as tf.Tensor2D;
}
