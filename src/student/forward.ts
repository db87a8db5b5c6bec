import {closest} from 'fastest-levenshtein';
import {layers, tf} from '../engine/tf.ts';
import {InputError} from '../errors.ts';
import {shown} from './input-shape.ts';
import type {Student} from './student.ts';

/** The outputs of a student for one batch. */
export interface StudentOutputs {
  /** [batch, classes], or the vectors [batch, dimensions] of a student that gives these. */
  readonly logits: tf.Tensor2D;
  /** Activations by layer name: [batch, ...shape]. */
  readonly features: Readonly<Record<string, tf.Tensor>>;
}

/** Takes preprocessed inputs [batch, ...inputShape]. The caller must dispose of the results. */
export type Forward = (inputs: tf.Tensor, options: {readonly training: boolean}) => StudentOutputs;

/**
 * A forward pass that returns logits and the activations of named layers. It shares the student's layers, so it sees
 * later changes of the weights. If a student's output is probabilities, the logits are the input of its last softmax,
 * or else log(max(p, 1e-8)).
 *
 * @throws InputError if the student has no layer of that name
 */
export function outputsOf(student: Student, layerNames: readonly string[]): Forward {
  const points = [logitSource(student).point, ...layerNames.map(name => activationOf(student, name))];
  // TensorFlow.js refuses a model that returns the same tensor twice.
  const outputs = [...new Set(points)];
  const model = layers.model({inputs: student.model.inputs, outputs, name: `${student.model.name}_outputs`});
  return activationsOf(student, layerNames, (inputs, {training}) => {
    const given = [model.apply(inputs, {training}) as tf.Tensor | tf.Tensor[]].flat();
    return output => given[outputs.indexOf(output)]!;
  });
}

/** Runs the layers. Returns the value of each output of a layer. */
type RunLayers = (inputs: tf.Tensor, options: {readonly training: boolean}) => (output: SymbolicTensor) => tf.Tensor;

/**
 * A forward pass whose layers are run by a function.
 *
 * @throws InputError if the student has no layer of that name
 */
export function activationsOf(student: Student, layerNames: readonly string[], run: RunLayers): Forward {
  const {point, toLogits} = logitSource(student);
  const points = layerNames.map(name => [name, activationOf(student, name)] as const);
  return (inputs, options) =>
    tf.tidy(() => {
      const valueAt = run(inputs, options);
      const features = points.map(([name, output]) => [name, valueAt(output)] as const);
      return {logits: toLogits(valueAt(point)), features: Object.fromEntries(features)};
    });
}

/**
 * Shapes of the activations of named layers for one input.
 *
 * @throws InputError if the student has no layer of that name, or its shape depends on the input
 */
export function featureShapes(student: Student, layerNames: readonly string[]): Record<string, readonly number[]> {
  return Object.fromEntries(
    layerNames.map(name => {
      const [, ...shape] = activationOf(student, name).shape;
      if (shape.includes(null)) {
        throw new InputError(`Layer \`${name}\` of student ${student.model.name} has no fixed shape: ${shown(shape)}.`);
      }
      return [name, shape as number[]];
    }),
  );
}

/** Layers whose activations can be requested: those with one output of a fixed shape. */
export function featureNames({model}: Student): string[] {
  return model.layers
    .filter(layer => layer.inboundNodes.length === 1 && !Array.isArray(layer.output))
    .filter(layer => !(layer.outputShape as readonly (number | null)[]).slice(1).includes(null))
    .filter(layer => layer.getClassName() !== 'InputLayer')
    .map(layer => layer.name);
}

/** The numbers that the last layer gives for an input: one for each class, or as many as a vector has dimensions. */
export function outputWidth({model}: Pick<Student, 'model'>): number {
  return model.outputs[0]!.shape[1]!;
}

function activationOf({model}: Student, name: string): SymbolicTensor {
  const layer = model.layers.find(candidate => candidate.name === name);
  if (layer !== undefined) return layer.getOutputAt(0) as SymbolicTensor;
  const names = model.layers.map(candidate => candidate.name);
  throw new InputError(
    `Student ${model.name} has no layer \`${name}\`. Did you mean \`${closest(name, names)}\`? It has: ${names.join(', ')}.`,
  );
}

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
  if (output !== 'probabilities') return {point, toLogits: value => value as tf.Tensor2D};
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
