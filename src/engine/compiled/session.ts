import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {PbfWriter} from 'pbf';
import {tf} from '../tf.ts';
import {type Attribute, type Constant, dataTypes, type NativeBackend} from './binding.ts';
import type {Graph, GraphNode} from './graph.ts';
import {bytesOf} from './recording.ts';

const open = new Set<Session>();

/** Updates the variables from their values in all graphs. */
export function syncSessions(): void {
  for (const session of open) session.sync();
}

/** A graph loaded into TensorFlow, with its own values of its variables. */
export class Session {
  readonly #backend: NativeBackend;
  readonly #graph: Graph;
  readonly #id: number;
  /** The content of each variable when both sides were last equal. */
  readonly #held = new Map<tf.Variable, object>();
  /** True if a run has changed the session's values since then. */
  #isAhead = false;

  /** @throws Error if TensorFlow refuses the graph */
  constructor(backend: NativeBackend, graph: Graph) {
    this.#backend = backend;
    this.#graph = graph;
    this.#id = load(backend, graph);
    open.add(this);
  }

  /**
   * Runs one program. Variables that were assigned outside since the last run go in first.
   *
   * @throws Error if a variable is disposed
   */
  run(program: number, inputs: readonly tf.Tensor[]): tf.Tensor {
    if (this.#graph.variables.some(({variable}) => this.#wasAssigned(variable))) this.#bringIn();
    const {inputs: names, result} = this.#graph.programs[program]!;
    this.#isAhead = true;
    return this.#fetch(inputs, names, [result])[0]!;
  }

  /** Updates the variables. Values that were assigned outside since the last run stay. */
  sync(): void {
    if (!this.#isAhead) return;
    this.#isAhead = false;
    const stale = this.#graph.assigned.filter(({variable}) => !this.#wasAssigned(variable));
    if (stale.length === 0) return;
    tf.tidy(() => {
      const values = this.#fetch(
        [],
        '',
        stale.map(({read}) => read),
      );
      for (const [index, {variable}] of stale.entries()) {
        variable.assign(values[index]!);
        this.#held.set(variable, variable.dataId);
      }
    });
  }

  close(): void {
    open.delete(this);
    this.#backend.binding.deleteSavedModel(this.#id);
  }

  #wasAssigned(variable: tf.Variable): boolean {
    return variable.isDisposed || this.#held.get(variable) !== variable.dataId;
  }

  #bringIn(): void {
    this.sync();
    const {variables, start} = this.#graph;
    const tensors = variables.map(({variable}) => variable);
    for (const tensor of tensors) tensor.throwIfDisposed();
    tf.dispose(this.#fetch(tensors, variables.map(({value}) => value).join(), [start]));
    for (const variable of tensors) this.#held.set(variable, variable.dataId);
  }

  #fetch(inputs: readonly tf.Tensor[], inputNames: string, outputNames: readonly string[]): tf.Tensor[] {
    const ids = this.#backend.getInputTensorIds(inputs);
    const outputs = this.#backend.binding.runSavedModel(this.#id, ids, inputNames, outputNames.join());
    return outputs.map(output => this.#backend.createOutputTensor(output));
  }
}

/** Loads a graph from a folder, because TensorFlow's C API takes a graph with variables no other way. */
function load({binding}: NativeBackend, {nodes}: Graph): number {
  const folder = mkdtempSync(join(tmpdir(), `limbeck-graph-${process.pid}-`));
  try {
    writeFileSync(join(folder, 'saved_model.pb'), savedModel(nodes));
    return binding.loadSavedModel(folder, GRAPH_TAG);
  } finally {
    rmSync(folder, {recursive: true});
  }
}

/** Every version of TensorFlow since 2.0 reads graphs of this version. */
const GRAPH_VERSION = 1000;

/** Name of the only graph in a saved model. */
const GRAPH_TAG = 'train';

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
  // TensorFlow requires control inputs at the end.
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
  // A single value in the field of its type means that all values are equal.
  if (values.length !== 1 || size === 1) to.writeBytesField(4, bytesOf(values));
  else if (dtype === dataTypes.float32) to.writePackedFloat(5, [...values]);
  else to.writePackedVarint(dtype === dataTypes.bool ? 11 : 7, [...values]);
}
