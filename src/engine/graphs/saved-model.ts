import {type Binding, nativeBackend, type TensorInfo, type TensorValues} from '../compiled/binding.ts';
import type {Graph, GraphNumbers, GraphTensor, GraphValues} from './graph.ts';
import type {MetaGraph, Signature, SignatureTensor} from './signatures.ts';
import {typeNumber, type ValueType} from './value-types.ts';

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
