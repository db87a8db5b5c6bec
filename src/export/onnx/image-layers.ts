import type {Attribute} from './graph.ts';
import {
  activated,
  axisIn,
  type Call,
  channelsFirst,
  type LayerWriter,
  unwritten,
  type Value,
  weightsOf,
} from './layer.ts';
import {addWeight} from './weights.ts';

/** A convolution over one or two axes. */
export const convolution: LayerWriter = call => {
  const {graph, layer, settings, int8} = call;
  const input = channelsFirst(graph, channelsLastOf(call));
  const [kernel, bias] = weightsOf(call);
  const rank = kernel!.shape.length;
  // From [...kernel, inputs, outputs] to [outputs, inputs, ...kernel].
  const order = [rank - 1, rank - 2, ...Array.from({length: rank - 2}, (_, axis) => axis)];
  const weight = addWeight(graph, `${layer.name}_kernel`, kernel!, {int8, order});
  const {dilationRate, strides} = settings;
  const axes = rank - 2;
  const attributes = {
    ...paddingOf(call),
    strides: spread(strides, axes),
    dilations: spread(dilationRate, axes),
    kernel_shape: kernel!.shape.slice(0, -2),
  };
  const biases = bias ? [graph.constant(`${layer.name}_bias`, bias.values, bias.shape)] : [];
  const name = graph.node('Conv', layer.name, [input.name, weight, ...biases], attributes);
  return activated(call, {name, shape: call.shape, channelsFirst: true});
};

/** The greatest or the mean of each window. */
export function poolingBy(operator: 'MaxPool' | 'AveragePool'): LayerWriter {
  return call => {
    const {graph, layer, settings, shape} = call;
    const input = channelsFirst(graph, channelsLastOf(call));
    const axes = shape.length - 1;
    const attributes = {
      ...paddingOf(call),
      kernel_shape: spread(settings.poolSize, axes),
      strides: spread(settings.strides, axes),
    };
    return {name: graph.node(operator, layer.name, [input.name], attributes), shape, channelsFirst: true};
  };
}

/** Zeros around the two axes of an image; in channels-first order, around those of width and channels. */
export const zeroPadding: LayerWriter = call => {
  const {graph, layer, settings, shape, inputs} = call;
  const [input] = inputs;
  const sizes = settings.padding as readonly (readonly [number, number])[];
  const first = settings.dataFormat === 'channelsFirst' ? 2 : 1;
  const rank = shape.length + 1;
  const pads = new Array<number>(2 * rank).fill(0);
  for (const [index, [before, after]] of sizes.entries()) {
    const axis = axisIn(input, first + index);
    pads[axis] = before;
    pads[rank + axis] = after;
  }
  const name = graph.node('Pad', layer.name, [input.name, graph.integers(`${layer.name}_pads`, pads)]);
  return {...input, name, shape};
};

/** A part of the two axes of an image. */
export const cropping: LayerWriter = call => {
  const {graph, layer, settings, shape} = call;
  const input = channelsLastOf(call);
  const axes = settings.cropping!.map((_, index) => axisIn(input, index + 1));
  const starts = settings.cropping!.map(([before]) => before);
  const ends = settings.cropping!.map(([before], index) => before + shape[index]!);
  const bounds = Object.entries({starts, ends, axes}).map(([part, values]) =>
    graph.integers(`${layer.name}_${part}`, values),
  );
  return {...input, name: graph.node('Slice', layer.name, [input.name, ...bounds]), shape};
};

/** The input of a layer that takes channels last, as all do by default. */
function channelsLastOf({layer, settings, inputs: [input]}: Call): Value {
  if (settings.dataFormat === 'channelsFirst') throw unwritten(layer, 'it takes channels first');
  return input;
}

function paddingOf({layer, settings: {padding}}: Call): Readonly<Record<string, Attribute>> {
  if (padding === 'valid') return {auto_pad: 'VALID'};
  if (padding === 'same') return {auto_pad: 'SAME_UPPER'};
  throw unwritten(layer, `its padding is \`${padding}\``);
}

/** TensorFlow.js keeps one number for all axes, or one for each. */
function spread(values: readonly number[] | number | undefined, axes: number): readonly number[] {
  const list = [values ?? 1].flat();
  return list.length === axes ? list : new Array<number>(axes).fill(list[0]!);
}
