import {PbfReader} from 'pbf';
import {type Binding, nativeBackend, type TensorInfo, type TensorValues} from '../compiled/binding.ts';
import {
  type Graph,
  type GraphNumbers,
  type GraphTensor,
  type GraphValues,
  typeName,
  typeNumber,
  type ValueType,
} from './graph.ts';

/** A graph as TensorFlow holds it. */
interface Session {
  id: number | undefined;
}

/** Frees what TensorFlow holds for a graph that is gone. */
const gone = new FinalizationRegistry<Session>(({id}) => {
  if (id !== undefined) nativeBackend()!.binding.deleteSavedModel(id);
});

/** One signature of a SavedModel. TensorFlow frees it when this object is garbage. */
export class SavedModelGraph implements Graph {
  readonly inputs: readonly SignatureTensor[];
  readonly outputs: readonly SignatureTensor[];
  readonly #folder: string;
  readonly #tags: string;
  readonly #session: Session = {id: undefined};

  /** @param folder - the folder with its `saved_model.pb` */
  constructor(folder: string, {tags}: MetaGraph, {inputs, outputs}: Signature) {
    this.inputs = inputs;
    this.outputs = outputs;
    this.#folder = folder;
    this.#tags = tags.join();
    gone.register(this, this.#session);
  }

  get names(): readonly string[] {
    return this.outputs.map(({name}) => name);
  }

  find(name: string): SignatureTensor | undefined {
    return this.outputs.find(output => output.name === name);
  }

  /** Needs the native engine. */
  open(): void {
    this.#session.id ??= nativeBackend()!.binding.loadSavedModel(this.#folder, this.#tags);
  }

  async run(input: GraphTensor, values: GraphValues, outputs: readonly string[]): Promise<readonly GraphNumbers[]> {
    const {binding} = nativeBackend()!;
    const held = new Tensors(binding);
    try {
      const fed = held.as(input.dtype as ValueType, held.create(values));
      const location = this.inputs.find(({name}) => name === input.name)!.node;
      const locations = outputs.map(name => this.find(name)!.node);
      const given = binding.runSavedModel(this.#session.id!, [fed.id], location, locations.join()).map(held.hold);
      return given.map(tensor => ({shape: tensor.shape, data: held.read(held.as('float32', tensor))}));
    } finally {
      held.free();
    }
  }
}

/** Tensors of one run. They are not tensors of TensorFlow.js, because that lacks most types. */
class Tensors {
  readonly #binding: Binding;
  readonly #ids = new Set<number>();

  constructor(binding: Binding) {
    this.#binding = binding;
  }

  readonly hold = (tensor: TensorInfo): TensorInfo => {
    this.#ids.add(tensor.id);
    return tensor;
  };

  create({shape, data}: GraphValues): TensorInfo {
    const dtype = typeNumber(typeOf(data));
    const values = isTexts(data) ? data.map(text => new TextEncoder().encode(text)) : data;
    return this.hold({id: this.#binding.createTensor(shape, dtype, values), shape, dtype});
  }

  /** The same values in another type. */
  as(type: ValueType, tensor: TensorInfo): TensorInfo {
    const dtype = typeNumber(type);
    if (tensor.dtype === dtype) return tensor;
    const {TF_ATTR_TYPE} = this.#binding;
    const attributes = [
      {name: 'SrcT', type: TF_ATTR_TYPE, value: tensor.dtype},
      {name: 'DstT', type: TF_ATTR_TYPE, value: dtype},
    ];
    return this.hold(this.#binding.executeOp('Cast', attributes, [tensor.id], 1)[0]!);
  }

  /** Values of a tensor of 32-bit floats. */
  read({id}: TensorInfo): Float32Array {
    return this.#binding.tensorDataSync(id) as Float32Array;
  }

  free(): void {
    for (const id of this.#ids) this.#binding.deleteTensor(id);
  }
}

function isTexts(data: GraphValues['data']): data is readonly string[] {
  return Array.isArray(data);
}

function typeOf(data: TensorValues | readonly string[]): ValueType {
  if (isTexts(data)) return 'string';
  if (data instanceof Uint8Array) return 'uint8';
  return data instanceof Int32Array ? 'int32' : 'float32';
}

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
