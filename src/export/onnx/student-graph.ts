import {isBag} from '../../data/text-reading.ts';
import type {layers} from '../../engine/tf.ts';
import {InputError} from '../../errors.ts';
import {logitSource, outputWidth} from '../../student/forward.ts';
import {type HeadColumns, headsOf} from '../../student/head-columns.ts';
import {inputShapeOf} from '../../student/input-shape.ts';
import type {Student} from '../../student/student.ts';
import {leastPadding} from '../../student/subword-cnn.ts';
import {elementType, OnnxGraph, type Port} from './graph.ts';
import {type Call, channelsLast, type Settings, type Value} from './layer.ts';
import {writeLayer} from './layers.ts';
import type {Precision} from './weights.ts';

/** The names of a head's outputs, float32 [batch, classes]. */
export interface HeadPorts {
  readonly logits: string;
  readonly probabilities: string;
}

/** A student as a graph. */
export interface StudentGraph {
  readonly graph: OnnxGraph;
  readonly input: Port;
  /** In the order of the student's heads; none if it gives vectors. */
  readonly heads: readonly HeadPorts[];
  /** The names of all outputs. */
  readonly outputs: readonly string[];
}

/** The output of a student that gives vectors, float32 [batch, dimensions]: vectors of length 1. */
export const EMBEDDING = 'embedding';

/**
 * Writes a student as a graph, from raw inputs to logits and probabilities, or to vectors. Texts are read outside: the
 * graph takes their buckets, subwords, pieces or embeddings.
 *
 * @throws InputError that names the layer, if one can't be written
 */
export function studentGraph(student: Student, {int8}: Precision): StudentGraph {
  const input = inputPort(student);
  const columns = student.output === 'vector' ? [] : headsOf(student);
  const heads = columns.map(({question}) => headPorts(columns.length === 1 ? '' : `${question!.name}.`));
  const outputs = heads.length === 0 ? [EMBEDDING] : heads.flatMap(head => [head.logits, head.probabilities]);
  const graph = new OnnxGraph([input.name, ...outputs]);
  graph.input(input);
  const values = logitsOf(student, {graph, int8, input: preprocessed(graph, student, input)});
  for (const [index, head] of columns.entries()) {
    addOutputs(graph, columns.length === 1 ? values : columnsIn(graph, values, head), head, heads[index]!);
  }
  if (heads.length === 0) addEmbedding(graph, values, outputWidth(student));
  return {graph, input, heads, outputs};
}

function headPorts(prefix: string): HeadPorts {
  return {logits: `${prefix}logits`, probabilities: `${prefix}probabilities`};
}

/** The names of inputs, by what is read. */
const INPUT_NAMES = {
  'n-grams': 'buckets',
  subwords: 'pieces',
  'word-pieces': 'word_pieces',
  embeddings: 'embedding',
  image: 'pixels',
  record: 'values',
} as const;

function inputPort(student: Student): Port {
  const {model, reading, dtype} = student;
  if (isBag(reading)) return {name: INPUT_NAMES[reading.kind], type: 'int32', shape: ['batch', 'hits']};
  if (leastPadding(student) !== undefined)
    return {name: INPUT_NAMES.subwords, type: 'int32', shape: ['batch', 'pieces']};
  const shape = inputShapeOf(model).map((length, axis) => length ?? `length_${axis + 1}`);
  const read =
    reading && ({subwords: 'int32', image: 'uint8', record: 'float32', embeddings: 'float32'} as const)[reading.kind];
  return {
    name: reading === undefined ? 'input' : INPUT_NAMES[reading.kind],
    type: dtype ?? read ?? 'float32',
    shape: ['batch', ...shape],
  };
}

/** The value that the model takes: (raw * scale - mean) / deviation, as `preprocess` computes it. */
function preprocessed(graph: OnnxGraph, student: Student, input: Port): Value {
  const shape = inputShapeOf(student.model);
  const {scale = 1, mean = 0, deviation = 1} = student.preprocessing;
  if (isBag(student.reading)) {
    if (scale === 1 && mean === 0 && deviation === 1) return {name: input.name, shape, norm: normOf(graph, input.name)};
    throw new InputError(
      `Student ${student.model.name} preprocesses the vectors of texts, which is not written as ONNX. Train one without \`preprocessing\`.`,
    );
  }
  const {name, type} = input;
  let value = type === 'float32' ? name : graph.node('Cast', 'raw', [name], {to: elementType('float32')});
  const steps = [
    ['Mul', 'scale', scale, 1],
    ['Sub', 'mean', mean, 0],
    ['Div', 'deviation', deviation, 1],
  ] as const;
  for (const [operator, part, by, neutral] of steps) {
    if (by === neutral) continue;
    const constant =
      typeof by === 'number' ? graph.number(part, by) : graph.constant(part, Float32Array.from(by), [by.length]);
    value = graph.node(operator, `preprocessed_${part}`, [value, constant]);
  }
  return {name: value, shape};
}

/** 1 / sqrt(buckets hit), float32 [batch, 1]; of a text that hits none, 1. */
function normOf(graph: OnnxGraph, buckets: string): string {
  const zero = graph.constant('no_padding', Int32Array.of(0), []);
  const isHit = graph.node('GreaterOrEqual', 'is_hit', [buckets, zero]);
  const hit = graph.node('Cast', 'hit', [isHit], {to: elementType('float32')});
  const hits = graph.node('ReduceSum', 'hit_count', [hit, graph.integers('hit_axes', [1])], {keepdims: 1});
  const atLeastOne = graph.node('Max', 'hits_at_least_1', [hits, graph.number('one', 1)]);
  return graph.node('Reciprocal', 'norm', [graph.node('Sqrt', 'hits_root', [atLeastOne])]);
}

interface Writing extends Pick<Call, 'graph' | 'int8'> {
  /** What the model takes. */
  readonly input: Value;
}

/** The logits of all heads [batch, columns], as `outputsOf` of a student gives them. */
function logitsOf(student: Student, writing: Writing): string {
  const {model, output} = student;
  const {graph} = writing;
  const known = new Map([[model.inputs[0]!.id, writing.input]]);
  const last = model.outputs[0]!;
  const {point} = logitSource(student);
  const value = valueAt(point, known, writing);
  if (output !== 'probabilities') return channelsLast(graph, value).name;
  if (point === last) {
    const positive = graph.node('Max', 'probabilities_at_least', [value.name, graph.number('least_probability', 1e-8)]);
    return graph.node('Log', 'log_probabilities', [positive]);
  }
  if (last.sourceLayer.getClassName() !== 'Dense') return channelsLast(graph, value).name;
  return writeLayer({...callOf(last, [value], writing), settings: {...settingsOf(last), activation: 'linear'}}).name;
}

/** The value of a tensor of the model. Those before it are written first, each once. */
function valueAt(tensor: layers.SymbolicTensor, known: Map<number, Value>, writing: Writing): Value {
  const found = known.get(tensor.id);
  if (found !== undefined) return found;
  const inputs = tensor.inputs.map(input => valueAt(input, known, writing));
  const {name, channelsFirst, norm} = writeLayer(callOf(tensor, inputs as [Value, ...Value[]], writing));
  const value = {name, shape: tensor.shape.slice(1), ...(channelsFirst && {channelsFirst}), ...(norm && {norm})};
  known.set(tensor.id, value);
  return value;
}

function callOf(tensor: layers.SymbolicTensor, inputs: Call['inputs'], {graph, int8}: Writing): Call {
  const {sourceLayer: layer, shape} = tensor;
  return {graph, int8, layer, inputs, settings: settingsOf(tensor), shape: shape.slice(1)};
}

function settingsOf({sourceLayer}: layers.SymbolicTensor): Settings {
  return sourceLayer.getConfig() as Settings;
}

/** The logits of one head among those of all. */
function columnsIn(graph: OnnxGraph, logits: string, {start, classes}: HeadColumns): string {
  const bounds = Object.entries({starts: start, ends: start + classes.length, axes: 1}).map(([part, value]) =>
    graph.integers(`head_${part}`, [value]),
  );
  return graph.node('Slice', 'head', [logits, ...bounds]);
}

function addOutputs(
  graph: OnnxGraph,
  columns: string,
  {classes, calibration}: HeadColumns,
  {logits, probabilities}: HeadPorts,
): void {
  const shape = ['batch', classes.length];
  const {temperature = 1} = calibration ?? {};
  graph.output(columns, {name: logits, type: 'float32', shape});
  const scaled = graph.node('Div', 'calibrated', [columns, graph.number('temperature', temperature)]);
  const shares = graph.node('Softmax', 'shares', [scaled], {axis: -1});
  graph.output(shares, {name: probabilities, type: 'float32', shape});
}

/** Vectors are compared by their directions. One of zeros has none, and stays as it is. */
function addEmbedding(graph: OnnxGraph, vectors: string, dimensions: number): void {
  const length = graph.node('ReduceL2', 'length', [vectors, graph.integers('length_axes', [1])], {keepdims: 1});
  const positive = graph.node('Max', 'positive_length', [length, graph.number('least_length', LEAST_LENGTH)]);
  const direction = graph.node('Div', 'direction', [vectors, positive]);
  graph.output(direction, {name: EMBEDDING, type: 'float32', shape: ['batch', dimensions]});
}

const LEAST_LENGTH = 1e-30;
