import {PbfWriter} from 'pbf';
import {type Attribute, type Constant, dataTypes} from './attribute.ts';
import type {GraphNode} from './graph-node.ts';
import {bytesOf} from './recording.ts';

/** Any version of TensorFlow's since 2.0 reads graphs of this one. */
const GRAPH_VERSION = 1000;

/** Name of the only graph in a saved model. */
export const GRAPH_TAG = 'train';

/**
 * The file `saved_model.pb` of a graph. Numbers of fields are those of TensorFlow's `saved_model.proto`,
 * `meta_graph.proto`, `graph.proto`, `node_def.proto`, `attr_value.proto` and `tensor.proto`.
 */
export function savedModel(nodes: readonly GraphNode[]): Uint8Array {
  const writer = new PbfWriter();
  writer.writeVarintField(1, 1);
  writer.writeMessage(2, writeMetaGraph, nodes);
  return writer.finish();
}

function writeMetaGraph(nodes: readonly GraphNode[], to: PbfWriter): void {
  to.writeMessage(1, (tag, info) => info.writeStringField(4, tag), GRAPH_TAG);
  to.writeMessage(2, writeGraph, nodes);
}

function writeGraph(nodes: readonly GraphNode[], to: PbfWriter): void {
  for (const node of nodes) to.writeMessage(1, writeNode, node);
  to.writeMessage(4, (version, versions) => versions.writeVarintField(1, version), GRAPH_VERSION);
}

function writeNode({name, operation, inputs, attributes}: GraphNode, to: PbfWriter): void {
  to.writeStringField(1, name);
  to.writeStringField(2, operation);
  // TensorFlow wants names that are only waited for at the end.
  for (const input of inputs.toSorted(waitedForLast)) to.writeStringField(3, input);
  for (const attribute of Object.entries(attributes)) to.writeMessage(5, writeAttribute, attribute);
}

function waitedForLast(a: string, b: string): number {
  return Number(a.startsWith('^')) - Number(b.startsWith('^'));
}

function writeAttribute([name, attribute]: readonly [string, Attribute], to: PbfWriter): void {
  to.writeStringField(1, name);
  to.writeMessage(2, writeValue, attribute);
}

function writeValue({kind, value}: Attribute, to: PbfWriter): void {
  switch (kind) {
    case 'ints':
      to.writeMessage(1, (values, list) => list.writePackedVarint(3, [...values]), value);
      break;
    case 'string':
      to.writeStringField(2, value);
      break;
    case 'int':
      to.writeVarintField(3, value);
      break;
    case 'float':
      to.writeFloatField(4, value);
      break;
    case 'bool':
      to.writeBooleanField(5, value);
      break;
    case 'type':
      to.writeVarintField(6, value);
      break;
    case 'shape':
      to.writeMessage(7, writeShape, value);
      break;
    case 'tensor':
      to.writeMessage(8, writeTensor, value);
      break;
  }
}

function writeShape(shape: readonly number[], to: PbfWriter): void {
  for (const size of shape) to.writeMessage(2, (value, dimension) => dimension.writeVarintField(1, value), size);
}

function writeTensor({dtype, shape, values}: Constant, to: PbfWriter): void {
  to.writeVarintField(1, dtype);
  to.writeMessage(2, writeShape, shape);
  const size = shape.reduce((product, length) => product * length, 1);
  // A single value in the field of its type stands for all.
  if (values.length !== 1 || size === 1) to.writeBytesField(4, bytesOf(values));
  else if (dtype === dataTypes.float32) to.writePackedFloat(5, [...values]);
  else to.writePackedVarint(dtype === dataTypes.bool ? 11 : 7, [...values]);
}
