import {elementType} from './graph.ts';
import {convolution, cropping, poolingBy, zeroPadding} from './image-layers.ts';
import {
  activated,
  axisIn,
  type Call,
  channelsFirst,
  channelsLast,
  clipped,
  type LayerWriter,
  unwritten,
  type Value,
  weightsOf,
} from './layer.ts';
import {addLookup, addWeight, type Weight} from './weights.ts';

const dense: LayerWriter = call => {
  const {graph, layer, inputs, shape} = call;
  const [kernel, bias] = weightsOf(call);
  const input = channelsLast(graph, inputs[0]);
  const product = input.norm === undefined ? multiplied(call, input, kernel!) : summed(call, input, kernel!);
  if (bias === undefined) return activated(call, {name: product, shape});
  const biases = graph.constant(`${layer.name}_bias`, bias.values, bias.shape);
  return activated(call, {name: graph.node('Add', layer.name, [product, biases]), shape});
};

function multiplied({graph, layer, int8}: Call, {name}: Value, kernel: Weight): string {
  return graph.node('MatMul', `${layer.name}_product`, [
    name,
    addWeight(graph, `${layer.name}_kernel`, kernel, {int8}),
  ]);
}

/** Adds up the rows of the buckets that a text hits, which takes far less time than all rows. Padding gets a row of zeros. */
function summed({graph, layer, int8}: Call, {name, norm}: Value, {values, shape: [rows, width]}: Weight): string {
  const padded = new Float32Array(values.length + width!);
  padded.set(values);
  const table = {values: padded, shape: [rows! + 1, width!]};
  const found = addLookup(graph, `${layer.name}_kernel`, table, {int8, indices: name});
  const axes = graph.integers(`${layer.name}_axes`, [1]);
  const sum = graph.node('ReduceSum', `${layer.name}_rows_sum`, [found, axes], {keepdims: 0});
  return graph.node('Mul', `${layer.name}_product`, [sum, norm!]);
}

const embedding: LayerWriter = call => {
  const {graph, layer, settings, inputs, int8, shape} = call;
  if (settings.maskZero) throw unwritten(layer, 'its padding is masked');
  const [table] = weightsOf(call);
  const indices = graph.node('Cast', `${layer.name}_indices`, [inputs[0].name], {to: elementType('int32')});
  return {name: addLookup(graph, layer.name, table!, {int8, indices}), shape};
};

const batchNormalization: LayerWriter = call => {
  const {graph, layer, settings, inputs, shape} = call;
  const {axis = -1, epsilon = 1e-3, scale = true, center = true} = settings;
  if (axis !== -1 && axis !== shape.length) throw unwritten(layer, `it normalises axis ${axis}, which is not the last`);
  const input = channelsFirst(graph, inputs[0]);
  const given = weightsOf(call).map(({values}) => values);
  const [mean, variance] = given.slice(-2) as [Float32Array, Float32Array];
  const gamma = scale ? given[0]! : new Float32Array(mean.length).fill(1);
  const beta = center ? given[scale ? 1 : 0]! : new Float32Array(mean.length);
  const parts = Object.entries({gamma, beta, mean, variance}).map(([part, values]) =>
    graph.constant(`${layer.name}_${part}`, values, [values.length]),
  );
  const name = graph.node('BatchNormalization', layer.name, [input.name, ...parts], {epsilon: {real: epsilon}});
  return {...input, name};
};

/** Layers of two inputs or more that act on each element. */
function elementwise(operator: string): LayerWriter {
  return ({graph, layer, inputs, shape}) => {
    const other = inputs.find(input => input.shape.length !== shape.length);
    if (other !== undefined) throw unwritten(layer, 'its inputs have different numbers of axes');
    const [first, ...others] = alike({graph, inputs});
    const name = others.reduce((sum, {name: next}) => graph.node(operator, layer.name, [sum, next]), first.name);
    return {...first, name, shape};
  };
}

const concatenate: LayerWriter = ({graph, layer, settings, inputs, shape}) => {
  const all = alike({graph, inputs});
  const axis = axisIn({...all[0], shape}, settings.axis ?? -1);
  const names = all.map(({name}) => name);
  return {...all[0], name: graph.node('Concat', layer.name, names, {axis}), shape};
};

/** The same values, all with channels first or all with channels last. */
function alike({graph, inputs}: Pick<Call, 'graph' | 'inputs'>): Call['inputs'] {
  if (inputs.every(input => input.channelsFirst)) return inputs;
  const [first, ...others] = inputs;
  return [channelsLast(graph, first), ...others.map(other => channelsLast(graph, other))];
}

const flatten: LayerWriter = ({graph, layer, inputs, shape}) => {
  const {name} = channelsLast(graph, inputs[0]);
  return {name: graph.node('Flatten', layer.name, [name], {axis: 1}), shape};
};

/** Leading axes that stay are copied, so that their length need not be fixed. */
const reshape: LayerWriter = ({graph, layer, inputs, shape}) => {
  const input = channelsLast(graph, inputs[0]);
  const kept = shape.findIndex((length, axis) => length !== input.shape[axis]);
  const lengths = shape.map((length, axis) => (kept < 0 || axis < kept ? 0 : length));
  if (lengths.includes(null)) throw unwritten(layer, 'its output has no fixed shape');
  const target = graph.integers(`${layer.name}_shape`, [0, ...(lengths as number[])]);
  return {name: graph.node('Reshape', layer.name, [input.name, target]), shape};
};

/** The greatest or the mean over all axes except those of the batch and the channels. */
function globalPooling(operator: 'ReduceMax' | 'ReduceMean'): LayerWriter {
  return ({graph, layer, settings, inputs, shape}) => {
    if (settings.dataFormat === 'channelsFirst') throw unwritten(layer, 'it takes channels first');
    const [input] = inputs;
    const axes = input.shape.slice(1).map((_, index) => axisIn(input, index + 1));
    const reduced = [input.name, graph.integers(`${layer.name}_axes`, axes)];
    return {name: graph.node(operator, layer.name, reduced, {keepdims: 0}), shape};
  };
}

const relu: LayerWriter = ({graph, layer, settings, inputs}) => {
  const [input] = inputs;
  if (settings.maxValue != null) return clipped(graph, layer.name, input, settings.maxValue);
  return {...input, name: graph.node('Relu', layer.name, [input.name])};
};

const softmax: LayerWriter = call => {
  const {layer, settings, inputs} = call;
  if (settings.axis !== undefined && settings.axis !== -1) throw unwritten(layer, `its axis is ${settings.axis}`);
  return activated({...call, settings: {activation: 'softmax'}}, inputs[0]);
};

/** Layers that do nothing once a student is trained. */
const nothing: LayerWriter = ({inputs: [input]}) => input;

/** By TensorFlow.js's name of the class. */
const WRITERS: Readonly<Record<string, LayerWriter>> = {
  Activation: call => activated(call, call.inputs[0]),
  Add: elementwise('Add'),
  AveragePooling1D: poolingBy('AveragePool'),
  AveragePooling2D: poolingBy('AveragePool'),
  BatchNormalization: batchNormalization,
  Concatenate: concatenate,
  Conv1D: convolution,
  Conv2D: convolution,
  Cropping2D: cropping,
  Dense: dense,
  Dropout: nothing,
  Embedding: embedding,
  Flatten: flatten,
  GaussianDropout: nothing,
  GaussianNoise: nothing,
  GlobalAveragePooling1D: globalPooling('ReduceMean'),
  GlobalAveragePooling2D: globalPooling('ReduceMean'),
  GlobalMaxPooling1D: globalPooling('ReduceMax'),
  GlobalMaxPooling2D: globalPooling('ReduceMax'),
  MaxPooling1D: poolingBy('MaxPool'),
  MaxPooling2D: poolingBy('MaxPool'),
  Maximum: elementwise('Max'),
  Minimum: elementwise('Min'),
  Multiply: elementwise('Mul'),
  ReLU: relu,
  Reshape: reshape,
  Softmax: softmax,
  SpatialDropout1D: nothing,
  ZeroPadding2D: zeroPadding,
};

/**
 * Adds the nodes of a layer.
 *
 * @throws InputError that names the layer, if it or a setting of it is not written
 */
export const writeLayer: LayerWriter = call => {
  const {layer, inputs} = call;
  const kind = layer.getClassName();
  const writer = WRITERS[kind];
  if (writer === undefined) throw unwritten(layer, `its kind is \`${kind}\``);
  if (inputs[0].norm !== undefined && writer !== dense && writer !== nothing) {
    throw unwritten(layer, `it takes the vector of a text's buckets, and only a dense layer is written for that`);
  }
  return writer(call);
};
