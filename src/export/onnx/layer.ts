import type {layers} from '../../engine/tf.ts';
import {InputError} from '../../errors.ts';
import type {OnnxGraph} from './graph.ts';
import {type Precision, type Weight, weightOf} from './weights.ts';

/** The tensor of a graph that a layer takes or gives. */
export interface Value {
  readonly name: string;
  /** Shape of one example as TensorFlow.js has it, channels last. A length that is not fixed is null. */
  readonly shape: readonly (number | null)[];
  /** True if the tensor of the graph is [batch, channels, ...], as ONNX's convolutions take it. */
  readonly channelsFirst?: boolean;
  /**
   * The norm of a text, 1 / sqrt(buckets hit), as float32 [batch, 1]. The value is then int32 [batch, count]: the
   * buckets that hold the norm in a vector of `shape`; -1 is padding. Only a dense layer takes it.
   */
  readonly norm?: string;
}

/** A layer at work on values. */
export interface Call extends Precision {
  readonly graph: OnnxGraph;
  readonly layer: layers.layers.Layer;
  readonly settings: Settings;
  readonly inputs: readonly [Value, ...Value[]];
  /** Of its output for one example, channels last. */
  readonly shape: readonly (number | null)[];
}

/** Adds the nodes of a layer. */
export type LayerWriter = (call: Call) => Value;

/** The settings of a layer, as TensorFlow.js saves them: those that any of the writers reads. */
export interface Settings {
  readonly activation?: string;
  readonly useBias?: boolean;
  readonly strides?: readonly number[];
  readonly poolSize?: readonly number[];
  readonly dilationRate?: readonly number[];
  readonly padding?: string | readonly (readonly [number, number])[];
  readonly cropping?: readonly (readonly [number, number])[];
  readonly dataFormat?: string | null;
  readonly axis?: number;
  readonly epsilon?: number;
  readonly scale?: boolean;
  readonly center?: boolean;
  readonly maskZero?: boolean;
  readonly maxValue?: number | null;
}

/** The error for a layer, or a setting of one, that is not written. */
export function unwritten(layer: layers.layers.Layer, what: string): InputError {
  return new InputError(
    `Layer \`${layer.name}\` can't be written as ONNX: ${what}. Export the student as a page (\`--web\`), or leave that layer out.`,
  );
}

/** The weights of a layer, in its own order. */
export function weightsOf({layer}: Pick<Call, 'layer'>): readonly Weight[] {
  return layer.getWeights().map(weightOf);
}

/** The same value with channels first. */
export function channelsFirst(graph: OnnxGraph, value: Value): Value {
  const rank = value.shape.length + 1;
  if (value.channelsFirst || rank < 3) return value;
  const perm = [0, rank - 1, ...inner(rank)];
  return {...value, name: graph.node('Transpose', `${value.name}_first`, [value.name], {perm}), channelsFirst: true};
}

/** The same value with channels last. */
export function channelsLast(graph: OnnxGraph, value: Value): Value {
  if (!value.channelsFirst) return value;
  const {channelsFirst: _, ...rest} = value;
  const perm = [0, ...inner(value.shape.length + 1).map(axis => axis + 1), 1];
  return {...rest, name: graph.node('Transpose', `${value.name}_last`, [value.name], {perm})};
}

/** The axes between that of the batch and the last. */
function inner(rank: number): number[] {
  return Array.from({length: rank - 2}, (_, axis) => axis + 1);
}

/** The axis of a value's tensor in the graph, of one that counts the batch and has channels last. */
export function axisIn({shape, channelsFirst: isFirst}: Value, axis: number): number {
  const rank = shape.length + 1;
  const counted = axis < 0 ? axis + rank : axis;
  if (!isFirst || counted === 0) return counted;
  return counted === rank - 1 ? 1 : counted + 1;
}

/** Activations, by TensorFlow.js's names, as operators with attributes. */
const ACTIVATIONS: Readonly<
  Record<string, readonly [operator: string, attributes?: Parameters<OnnxGraph['node']>[3]]>
> = {
  relu: ['Relu'],
  sigmoid: ['Sigmoid'],
  tanh: ['Tanh'],
  elu: ['Elu'],
  selu: ['Selu'],
  softplus: ['Softplus'],
  softsign: ['Softsign'],
  hardSigmoid: ['HardSigmoid', {alpha: {real: 0.2}, beta: {real: 0.5}}],
  softmax: ['Softmax', {axis: -1}],
};

/** @param value - the output of the layer without its activation */
export function activated({graph, layer, settings: {activation = 'linear'}}: Call, value: Value): Value {
  if (activation === 'linear') return value;
  if (activation === 'relu6') return clipped(graph, layer.name, value, 6);
  const [operator, attributes] = ACTIVATIONS[activation] ?? [];
  if (operator === undefined) throw unwritten(layer, `its activation is \`${activation}\``);
  const taken = operator === 'Softmax' ? channelsLast(graph, value) : value;
  return {...taken, name: graph.node(operator, `${layer.name}_${activation}`, [taken.name], attributes)};
}

/** A ReLU with an upper limit. */
export function clipped(graph: OnnxGraph, name: string, value: Value, most: number): Value {
  const limits = [graph.number(`${name}_least`, 0), graph.number(`${name}_most`, most)];
  return {...value, name: graph.node('Clip', `${name}_clip`, [value.name, ...limits])};
}
