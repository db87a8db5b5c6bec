import {type layers, tf} from '../../engine/tf.ts';
import {elementType, type OnnxGraph} from './graph.ts';

/** A weight as TensorFlow.js has it: the last axis is that of the outputs. */
export interface Weight {
  readonly values: Float32Array;
  readonly shape: readonly number[];
}

export function weightOf(tensor: tf.Tensor): Weight {
  return {values: tensor.dataSync<'float32'>().slice(), shape: tensor.shape};
}

/** A weight in 8 bits: each value is `values` times the scale of its output. */
export interface Quantised {
  readonly values: Int8Array;
  /** [outputs] */
  readonly scales: Float32Array;
}

/** The least float of full precision. */
const LEAST_SCALE = 2 ** -126;

/** Rounds a weight to 255 levels for each output, symmetric around 0. The greatest magnitude of an output becomes 127. */
export function quantise({values, shape}: Weight): Quantised {
  const outputs = shape.at(-1)!;
  const scales = new Float32Array(outputs);
  for (const [index, value] of values.entries()) {
    scales[index % outputs] = Math.max(scales[index % outputs]!, Math.abs(value));
  }
  for (let output = 0; output < outputs; output++) scales[output] = Math.max(scales[output]! / 127, LEAST_SCALE);
  const rounded = (value: number, index: number): number => Math.round(value / scales[index % outputs]!);
  return {
    values: Int8Array.from(values, (value, index) => Math.max(-127, Math.min(127, rounded(value, index)))),
    scales,
  };
}

/** The values that a quantised weight stands for, as the graph computes them. */
export function restored({values, scales}: Quantised): Float32Array {
  return Float32Array.from(values, (value, index) => value * scales[index % scales.length]!);
}

/** The weights of a graph, in 32-bit floats or in 8 bits. */
export interface Precision {
  readonly int8: boolean;
}

/**
 * Adds a weight to a graph. One in 8 bits is cast and scaled in the graph: `DequantizeLinear` says the same, but ONNX
 * Runtime 1.30 joins it with the product that follows, which then rounds the other factor to 8 bits as well.
 *
 * @param order - the axes of the weight in the order in which the operator takes them; @default unchanged
 * @returns the name of a tensor of 32-bit floats
 */
export function addWeight(
  graph: OnnxGraph,
  name: string,
  weight: Weight,
  {int8, order = weight.shape.map((_, axis) => axis)}: Precision & {readonly order?: readonly number[]},
): string {
  const shape = order.map(axis => weight.shape[axis]!);
  if (!int8) return graph.constant(name, reordered(weight.values, weight.shape, order), shape);
  const {values, scales} = quantise(weight);
  const small = graph.constant(`${name}_int8`, reordered(values, weight.shape, order), shape);
  const scaleShape = order.map(axis => (axis === weight.shape.length - 1 ? scales.length : 1));
  return scaled(graph, name, small, graph.constant(`${name}_scale`, scales, scaleShape));
}

function scaled(graph: OnnxGraph, name: string, small: string, scale: string): string {
  const whole = graph.node('Cast', `${name}_whole`, [small], {to: elementType('float32')});
  return graph.node('Mul', name, [whole, scale]);
}

/**
 * Adds a table whose rows are looked up. In 8 bits, only the rows that are looked up become floats.
 *
 * @param indices - int32 or int64 [batch, count]
 * @returns the name of float32 [batch, count, width]
 */
export function addLookup(
  graph: OnnxGraph,
  name: string,
  table: Weight,
  {int8, indices}: Precision & {readonly indices: string},
): string {
  if (!int8) return graph.node('Gather', `${name}_rows`, [graph.constant(name, table.values, table.shape), indices]);
  const {values, scales} = quantise(table);
  const small = graph.constant(`${name}_int8`, values, table.shape);
  const rows = graph.node('Gather', `${name}_rows_int8`, [small, indices]);
  return scaled(graph, `${name}_rows`, rows, graph.constant(`${name}_scale`, scales, [scales.length]));
}

function reordered<T extends Float32Array | Int8Array>(
  values: T,
  shape: readonly number[],
  order: readonly number[],
): T {
  if (order.every((axis, index) => axis === index)) return values;
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, length) => product * length, 1));
  const target = new (values.constructor as new (length: number) => T)(values.length);
  const position = order.map(() => 0);
  for (let index = 0; index < values.length; index++) {
    target[index] = values[order.reduce((sum, axis, own) => sum + strides[axis]! * position[own]!, 0)]!;
    for (let own = order.length - 1; own >= 0; own--) {
      position[own]! += 1;
      if (position[own]! < shape[order[own]!]!) break;
      position[own] = 0;
    }
  }
  return target;
}

/** The kinds of layers whose first weight is kept in 8 bits. */
const QUANTISED: readonly string[] = ['Conv1D', 'Conv2D', 'Dense', 'Embedding'];

/** Runs something while a model has the values that its weights in 8 bits stand for, and then gives it back its own. */
export function withQuantisedWeights<T>(model: layers.LayersModel, run: () => T): T {
  const weights = model.layers
    .filter(layer => QUANTISED.includes(layer.getClassName()))
    .map(layer => ({variable: layer.weights[0]!, own: weightOf(layer.weights[0]!.read())}));
  const set = (valuesOf: (own: Weight) => Float32Array): void =>
    tf.tidy(() => {
      for (const {variable, own} of weights) variable.write(tf.tensor(valuesOf(own), [...own.shape]));
    });
  set(own => restored(quantise(own)));
  try {
    return run();
  } finally {
    set(own => own.values);
  }
}
