import {InputError} from '../../src/errors.ts';
import {kindProblem} from '../../src/input-kinds.ts';
import type {Preprocessing} from '../../src/student/preprocessing.ts';
import type {Input, Query, TensorInput} from '../../src/teacher.ts';
import type {GraphValue} from './graph.ts';
import type {OnnxModel} from './model.ts';
import {type Feeds, type OnnxRuntime, type TensorData, toHalf} from './runtime.ts';

const layouts = ['as-is', 'channels-first', 'flat'] as const;

/**
 * How the shape of an example becomes the shape that the model takes: `as-is`; `channels-first`, from [height, width,
 * channels] or [height, width]; `flat`, all values in one row.
 */
export type Layout = (typeof layouts)[number];

/** How queries are fed to one input of a model. */
export interface InputPlan {
  readonly name: string;
  readonly elementType: ElementType;
  /** The shape that the model declares, with the batch dimension first. */
  readonly shape: GraphValue['shape'];
  readonly layout: Layout;
  readonly preprocessing: Required<Preprocessing>;
}

type ElementType = (typeof elementTypes)[keyof typeof elementTypes];

/** Element types that examples can be converted to, by ONNX's numbers. */
const elementTypes = {
  1: 'float32',
  2: 'uint8',
  6: 'int32',
  7: 'int64',
  8: 'string',
  10: 'float16',
  11: 'float64',
} as const;

const wholeNumbers: readonly ElementType[] = ['uint8', 'int32', 'int64'];

/** @throws InputError if the model's inputs can't be fed this way */
export function inputPlan(
  {path, graph}: OnnxModel,
  layout: Layout,
  {scale = 1, mean = 0, deviation = 1}: Preprocessing,
): InputPlan {
  if (!layouts.includes(layout)) {
    throw new InputError(`Expected \`layout\` to be one of ${layouts.join(', ')}, got ${layout}.`);
  }
  checkNumbers({scale, mean, deviation});
  const names = graph.inputs.map(({name}) => `\`${name}\``).join(', ');
  const [input] = graph.inputs;
  if (input === undefined || graph.inputs.length > 1) {
    throw new InputError(`${path} has ${graph.inputs.length} inputs (${names}); a query can feed only one.`);
  }
  const elementType = elementTypes[input.elementType as keyof typeof elementTypes];
  if (elementType === undefined) {
    throw new InputError(`Input ${names} of ${path} takes neither numbers of a known type nor texts.`);
  }
  const changes = scale !== 1 || mean !== 0 || deviation !== 1;
  if (changes && (wholeNumbers.includes(elementType) || elementType === 'string')) {
    throw new InputError(`Input ${names} of ${path} takes ${elementType}, so \`preprocessing\` can't apply.`);
  }
  return {name: input.name, elementType, shape: input.shape, layout, preprocessing: {scale, mean, deviation}};
}

function checkNumbers({scale, mean, deviation}: Required<Preprocessing>): void {
  const numbers = [scale, mean, deviation].flat();
  if (numbers.every(Number.isFinite) && ![deviation].flat().includes(0)) return;
  throw new InputError('`preprocessing` must be finite numbers, its `deviation` none of them 0.');
}

/** Queries that can run in one batch. */
export interface Batch {
  /** Indices of the queries in the call. */
  readonly rows: readonly number[];
  readonly inputs: readonly Input[];
}

/** Sorts queries into batches of one shape. Calls `refuse` for those that the model can't take. */
export function batchesOf(
  plan: InputPlan,
  queries: readonly Query[],
  refuse: (row: number, problem: string) => void,
): readonly Batch[] {
  const batches = new Map<string, {readonly rows: number[]; readonly inputs: Input[]}>();
  for (const [row, {input}] of queries.entries()) {
    const problem = problemWith(plan, input);
    if (problem !== undefined) {
      refuse(row, problem);
      continue;
    }
    const form = input.kind === 'tensor' ? input.shape.join() : input.kind;
    const batch = batches.get(form) ?? {rows: [], inputs: []};
    batch.rows.push(row);
    batch.inputs.push(input);
    batches.set(form, batch);
  }
  return [...batches.values()];
}

function problemWith(plan: InputPlan, input: Input): string | undefined {
  const takesText = plan.elementType === 'string';
  if (input.kind === 'text') return takesText ? undefined : 'The model takes numbers, got a text.';
  if (input.kind !== 'tensor') return kindProblem([takesText ? 'text' : 'tensor'], input);
  if (takesText) return 'The model takes texts, got numbers.';
  const {shape, data} = input;
  if (data.length !== sizeOf(shape)) {
    return `An input of shape [${shape.join(', ')}] holds ${sizeOf(shape)} values, got ${data.length}.`;
  }
  return misfit(plan, shape) ?? misfitOfValues(plan, input);
}

function misfit(plan: InputPlan, shape: readonly number[]): string | undefined {
  const given = `[${shape.join(', ')}]`;
  const fed = fedShape(plan.layout, shape);
  if (fed === undefined) {
    return `Channels first are made of [height, width, channels] or [height, width], got ${given}.`;
  }
  const wanted = plan.shape?.slice(1);
  if (wanted && (wanted.length !== fed.length || wanted.some((length, axis) => (length ?? fed[axis]) !== fed[axis]))) {
    const change = plan.layout === 'as-is' ? '' : `, which is [${fed.join(', ')}] as \`${plan.layout}\``;
    return `The model takes inputs of shape [${wanted.map(length => length ?? '?').join(', ')}], got ${given}${change}. Check \`layout\`.`;
  }
  const channels = channelsOf(plan.layout, shape);
  const {mean, deviation} = plan.preprocessing;
  const many = [mean, deviation].find(values => typeof values !== 'number' && values.length !== channels);
  if (many === undefined) return undefined;
  return `\`preprocessing\` has ${[many].flat().length} values, but an input of shape ${given} has ${channels} channels.`;
}

/** Refuses numbers that a narrower type can't hold, so that none is silently changed. */
function misfitOfValues({elementType}: InputPlan, {dtype, data}: TensorInput): string | undefined {
  if (!wholeNumbers.includes(elementType) || dtype === elementType || dtype === 'uint8') return undefined;
  const [least, most] = elementType === 'uint8' ? [0, 255] : [-(2 ** 31), 2 ** 31 - 1];
  const fits = (value: number): boolean => Number.isInteger(value) && value >= least && value <= most;
  return data.every(fits) ? undefined : `The model takes ${elementType}, which can't hold all values of this input.`;
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

function fedShape(layout: Layout, shape: readonly number[]): readonly number[] | undefined {
  if (layout === 'as-is') return shape;
  if (layout === 'flat') return [sizeOf(shape)];
  const [height, width, channels = 1] = shape;
  if (height === undefined || width === undefined || shape.length > 3) return undefined;
  return [channels, height, width];
}

function channelsOf(layout: Layout, shape: readonly number[]): number {
  return layout === 'channels-first' && shape.length === 2 ? 1 : (shape.at(-1) ?? 1);
}

/** Returns the number of the `count` rows that one run takes. A fixed batch length is kept. */
export function rowsPerRun({shape}: InputPlan, count: number): number {
  return shape?.[0] ?? count;
}

/** Returns the feeds for inputs of one shape, padded with rows of zeros if the model needs more. */
export function feedsOf(plan: InputPlan, inputs: readonly Input[], runtime: OnnxRuntime): Feeds {
  const rows = rowsPerRun(plan, inputs.length);
  const first = inputs[0]!;
  if (first.kind === 'text') {
    const texts = Array.from({length: rows}, (_, row) => (inputs[row] as {readonly text?: string})?.text ?? '');
    const shape = plan.shape?.length === 1 ? [rows] : [rows, 1];
    return {[plan.name]: new runtime.Tensor('string', texts, shape)};
  }
  const tensors = inputs as readonly TensorInput[];
  const shape = [rows, ...fedShape(plan.layout, tensors[0]!.shape)!];
  const values = prepared(plan, tensors, rows);
  const data = asType[numberType(plan)](values);
  const tensor = new runtime.Tensor(plan.elementType, data, shape);
  // If Node has an array of half floats, the package makes one from the bits, and its library takes that for empty
  // (microsoft/onnxruntime#32323). The library accepts the bits.
  if (data instanceof Uint16Array) Object.assign(tensor, {cpuData: data});
  return {[plan.name]: tensor};
}

type NumberType = Exclude<ElementType, 'string'>;

function numberType({elementType}: InputPlan): NumberType {
  return elementType as NumberType;
}

type Prepared = Float32Array | Float64Array;

function prepared(plan: InputPlan, inputs: readonly TensorInput[], rows: number): Prepared {
  const {layout, preprocessing} = plan;
  const {shape, data} = inputs[0]!;
  const size = data.length;
  const values = plan.elementType === 'float32' ? new Float32Array(rows * size) : new Float64Array(rows * size);
  const channels = channelsOf(layout, shape);
  const [factors, offsets] = linear(preprocessing, channels);
  const [pixelStep, channelStep] = layout === 'channels-first' ? [1, size / channels] : [channels, 1];
  for (const [row, input] of inputs.entries()) {
    for (let from = 0; from < size; from++) {
      const channel = from % channels;
      const index = row * size + ((from - channel) / channels) * pixelStep + channel * channelStep;
      values[index] = input.data[from]! * factors[channel]! + offsets[channel]!;
    }
  }
  return values;
}

/** Returns (value * scale - mean) / deviation as one factor and one offset per channel. */
function linear({scale, mean, deviation}: Required<Preprocessing>, channels: number): [Float64Array, Float64Array] {
  const of = (values: number | readonly number[], channel: number): number =>
    typeof values === 'number' ? values : values[channel]!;
  const factors = new Float64Array(channels).map((_, channel) => scale / of(deviation, channel));
  return [factors, factors.map((_, channel) => -of(mean, channel) / of(deviation, channel))];
}

const asType: Record<NumberType, (values: Prepared) => TensorData> = {
  float32: values => values,
  float64: values => values,
  float16: values => Uint16Array.from(values, toHalf),
  uint8: values => Uint8Array.from(values),
  int32: values => Int32Array.from(values),
  int64: values => BigInt64Array.from(values as unknown as Iterable<number>, BigInt) as BigInt64Array,
};
