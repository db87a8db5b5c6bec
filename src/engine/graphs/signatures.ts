import {PbfReader} from 'pbf';
import type {GraphTensor} from './graph.ts';
import {typeName} from './value-types.ts';

/** One graph of a SavedModel. */
export interface MetaGraph {
  readonly tags: readonly string[];
  readonly signatures: ReadonlyMap<string, Signature>;
  /** True if values are read from files beside the graph. */
  readonly hasVariables: boolean;
}

/** A function of a SavedModel, with its inputs and outputs. */
export interface Signature {
  readonly inputs: readonly SignatureTensor[];
  readonly outputs: readonly SignatureTensor[];
}

export interface SignatureTensor extends GraphTensor {
  /** Its name in the graph, for example `StatefulPartitionedCall:1`; empty for a sparse or composite tensor. */
  readonly node: string;
}

/** Signatures that TensorFlow uses internally. */
const INTERNAL = ['__saved_model_init_op', '__saved_model_train_op'];

const VARIABLES = ['VarHandleOp', 'VariableV2', 'Variable'];

/**
 * Reads the graphs in a `saved_model.pb`. Numbers of fields are those of TensorFlow's `saved_model.proto`,
 * `meta_graph.proto`, `graph.proto`, `node_def.proto` and `tensor_shape.proto`.
 *
 * @throws Error if the bytes are not such a file
 */
export function readMetaGraphs(bytes: Uint8Array): readonly MetaGraph[] {
  const graphs: MetaGraph[] = [];
  new PbfReader(bytes).readFields((field, _, from) => {
    if (field === 2) graphs.push(readMetaGraph(from));
  }, undefined);
  return graphs;
}

function readMetaGraph(from: PbfReader): MetaGraph {
  const tags: string[] = [];
  const signatures = new Map<string, Signature>();
  let hasVariables = false;
  from.readMessage((field, _, graph) => {
    if (field === 1) {
      graph.readMessage((part, __, info) => {
        if (part === 4) tags.push(info.readString());
      }, undefined);
    }
    if (field === 2) hasVariables = readOperations(graph).some(operation => VARIABLES.includes(operation));
    if (field === 5) {
      const [name, signature] = readEntry(graph, readSignature);
      if (signature !== undefined && !INTERNAL.includes(name)) signatures.set(name, signature);
    }
  }, undefined);
  return {tags, signatures, hasVariables};
}

/** The operations of the nodes of a graph. */
function readOperations(from: PbfReader): string[] {
  const operations: string[] = [];
  from.readMessage((field, _, graph) => {
    if (field !== 1) return;
    graph.readMessage((part, __, node) => {
      if (part === 2) operations.push(node.readString());
    }, undefined);
  }, undefined);
  return operations;
}

function readSignature(from: PbfReader): Signature {
  const [inputs, outputs]: SignatureTensor[][] = [[], []];
  from.readMessage((field, _, signature) => {
    if (field !== 1 && field !== 2) return;
    const [name, tensor] = readEntry(signature, readTensor);
    if (tensor !== undefined) (field === 1 ? inputs : outputs)!.push({...tensor, name});
  }, undefined);
  return {inputs: inputs!, outputs: outputs!};
}

type Unnamed = Omit<SignatureTensor, 'name'>;

function readTensor(from: PbfReader): Unnamed {
  const tensor = {node: '', type: 0, shape: undefined as Unnamed['shape']};
  from.readMessage((field, _, info) => {
    if (field === 1) tensor.node = info.readString();
    if (field === 2) tensor.type = info.readVarint();
    if (field === 3) tensor.shape = readShape(info);
  }, undefined);
  return {node: tensor.node, dtype: typeName(tensor.type), shape: tensor.shape};
}

function readShape(from: PbfReader): Unnamed['shape'] {
  const lengths: (number | null)[] = [];
  let isKnown = true;
  from.readMessage((field, _, shape) => {
    if (field === 2) lengths.push(readLength(shape));
    if (field === 3) isKnown = !shape.readBoolean();
  }, undefined);
  return isKnown ? lengths : undefined;
}

/** A length of -1 stands for any. */
function readLength(from: PbfReader): number | null {
  let length = 0;
  from.readMessage((field, _, dimension) => {
    if (field === 1) length = dimension.readVarint(true);
  }, undefined);
  return length < 0 ? null : length;
}

/** One entry of a map. */
function readEntry<T>(from: PbfReader, readValue: (from: PbfReader) => T): [name: string, value: T | undefined] {
  let [name, value]: [string, T | undefined] = ['', undefined];
  from.readMessage((field, _, entry) => {
    if (field === 1) name = entry.readString();
    if (field === 2) value = readValue(entry);
  }, undefined);
  return [name, value];
}
