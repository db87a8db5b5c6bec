import {PbfReader, PbfWriter} from 'pbf';

/** The description of a model in an ONNX file. Field numbers are those of `onnx.proto`. */
export interface Graph {
  /** The inputs that a caller feeds. Weights that old files list among their inputs are left out. */
  readonly inputs: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
  /** The nodes of the graph, by the names of the tensors that they make. */
  readonly makers: ReadonlyMap<string, GraphNode>;
  /** Files of weights beside the model, by the names in the model. */
  readonly dataFiles: readonly string[];
}

/** An input or output, as declared. */
export interface GraphValue {
  readonly name: string;
  /** ONNX's number of the element type; undefined if it is no tensor. */
  readonly elementType: number | undefined;
  /** Lengths, undefined if left open. Undefined as a whole if the number of dimensions is open. */
  readonly shape: readonly (number | undefined)[] | undefined;
}

interface GraphNode {
  readonly operator: string;
  readonly inputs: readonly string[];
  /** The node's attribute `axis`. */
  readonly axis: number | undefined;
}

/** @returns undefined if the bytes are no ONNX model */
export function readGraph(model: Uint8Array): Graph | undefined {
  try {
    return graphIn(new PbfReader(model).readFields(readModelField, {version: 0, graph: undefined}));
  } catch {
    // Bytes that are no protobuf throw errors of any kind.
    return undefined;
  }
}

/**
 * Makes inner tensors of a graph outputs of it. All protobuf readers merge a message's field that comes twice, so the
 * new outputs are appended to the unchanged model.
 */
export function exposeOutputs(model: Uint8Array, names: readonly string[]): Uint8Array {
  const addition = new PbfWriter();
  addition.writeMessage(7, writeOutputs, names);
  return Buffer.concat([model, addition.finish()]);
}

function writeOutputs(names: readonly string[], to: PbfWriter): void {
  for (const name of names) to.writeMessage(12, (value, output) => output.writeStringField(1, value), name);
}

interface ModelFields {
  version: number;
  graph: GraphFields | undefined;
}

interface GraphFields {
  readonly inputs: GraphValue[];
  readonly outputs: GraphValue[];
  readonly weights: Set<string>;
  readonly makers: Map<string, GraphNode>;
  readonly dataFiles: Set<string>;
}

function emptyGraph(dataFiles: Set<string>): GraphFields {
  return {inputs: [], outputs: [], weights: new Set(), makers: new Map(), dataFiles};
}

function graphIn({version, graph}: ModelFields): Graph | undefined {
  if (version === 0 || graph === undefined || graph.outputs.length === 0) return undefined;
  const {inputs, outputs, weights, makers, dataFiles} = graph;
  return {inputs: inputs.filter(({name}) => !weights.has(name)), outputs, makers, dataFiles: [...dataFiles].sort()};
}

function readModelField(tag: number, model: ModelFields, from: PbfReader): void {
  if (tag === 1) model.version = from.readVarint();
  else if (tag === 7) model.graph = from.readMessage(readGraphField, model.graph ?? emptyGraph(new Set()));
}

function readGraphField(tag: number, graph: GraphFields, from: PbfReader): void {
  if (tag === 1) addNode(graph, from);
  else if (tag === 5) graph.weights.add(readWeights(graph.dataFiles, from));
  else if (tag === 11) graph.inputs.push(readValue(from));
  else if (tag === 12) graph.outputs.push(readValue(from));
}

interface NodeFields {
  operator: string;
  readonly inputs: string[];
  readonly outputs: string[];
  axis: number | undefined;
  readonly dataFiles: Set<string>;
}

function addNode({makers, dataFiles}: GraphFields, from: PbfReader): void {
  const fields: NodeFields = {operator: '', inputs: [], outputs: [], axis: undefined, dataFiles};
  const {operator, inputs, outputs, axis} = from.readMessage(readNodeField, fields);
  for (const name of outputs) makers.set(name, {operator, inputs, axis});
}

function readNodeField(tag: number, node: NodeFields, from: PbfReader): void {
  if (tag === 1) node.inputs.push(from.readString());
  else if (tag === 2) node.outputs.push(from.readString());
  else if (tag === 4) node.operator = from.readString();
  else if (tag === 5) {
    const attribute = {name: '', integer: 0, dataFiles: node.dataFiles};
    from.readMessage(readAttributeField, attribute);
    if (attribute.name === 'axis') node.axis = attribute.integer;
  }
}

interface AttributeFields {
  name: string;
  integer: number;
  readonly dataFiles: Set<string>;
}

/** Constants and the graphs of branches and loops are read only for the files that they need. */
function readAttributeField(tag: number, attribute: AttributeFields, from: PbfReader): void {
  if (tag === 1) attribute.name = from.readString();
  else if (tag === 3) attribute.integer = from.readVarint(true);
  else if (tag === 5 || tag === 10) readWeights(attribute.dataFiles, from);
  else if (tag === 6 || tag === 11) from.readMessage(readGraphField, emptyGraph(attribute.dataFiles));
}

/** Reads the name of a TensorProto and the file that holds it. */
function readWeights(dataFiles: Set<string>, from: PbfReader): string {
  const weights = {name: ''};
  from.readMessage((tag, fields, reader) => {
    if (tag === 8) fields.name = reader.readString();
    else if (tag === 13) {
      const {key, value} = reader.readMessage(readEntryField, {key: '', value: ''});
      if (key === 'location') dataFiles.add(value);
    }
  }, weights);
  return weights.name;
}

function readEntryField(tag: number, entry: {key: string; value: string}, from: PbfReader): void {
  if (tag === 1) entry.key = from.readString();
  else if (tag === 2) entry.value = from.readString();
}

interface ValueFields {
  name: string;
  elementType: number | undefined;
  shape: (number | undefined)[] | undefined;
}

function readValue(from: PbfReader): GraphValue {
  const value: ValueFields = {name: '', elementType: undefined, shape: undefined};
  return from.readMessage(readValueField, value);
}

function readValueField(tag: number, value: ValueFields, from: PbfReader): void {
  if (tag === 1) value.name = from.readString();
  else if (tag === 2) from.readMessage(readTypeField, value);
}

function readTypeField(tag: number, value: ValueFields, from: PbfReader): void {
  if (tag === 1) from.readMessage(readTensorTypeField, value);
}

function readTensorTypeField(tag: number, value: ValueFields, from: PbfReader): void {
  if (tag === 1) value.elementType = from.readVarint();
  else if (tag === 2) {
    const shape: (number | undefined)[] = [];
    value.shape = shape;
    from.readMessage((dimension, lengths, reader) => {
      if (dimension === 1) lengths.push(reader.readMessage(readLengthField, {length: undefined}).length);
    }, shape);
  }
}

function readLengthField(tag: number, dimension: {length: number | undefined}, from: PbfReader): void {
  if (tag !== 1) return;
  const length = from.readVarint(true);
  if (length > 0) dimension.length = length;
}
