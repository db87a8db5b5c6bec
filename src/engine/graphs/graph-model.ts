import type {GraphModel} from '@tensorflow/tfjs-converter';
import {nativeBackend} from '../compiled/binding.ts';
import {CompiledCalls} from '../compiled/compiled-calls.ts';
import {tf, valuesOf} from '../tf.ts';
import type {Graph, GraphNumbers, GraphTensor, GraphValues} from './graph.ts';

export type {GraphModel} from '@tensorflow/tfjs-converter';

/** An operation of a graph in `model.json`. */
export interface GraphOperation {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
}

/** Loads a graph model of TensorFlow.js. */
export async function loadGraphModel(artifacts: tf.io.ModelArtifacts): Promise<GraphModel> {
  // Loaded on demand, because most programs have no graph model and this is a megabyte of code.
  const {loadGraphModel: load} = await import('@tensorflow/tfjs-converter');
  return load(tf.io.fromMemory(artifacts));
}

/** The artifacts that a graph model was loaded from. */
export async function artifactsOf(model: GraphModel): Promise<tf.io.ModelArtifacts> {
  let kept: tf.io.ModelArtifacts | undefined;
  const keep = async (artifacts: tf.io.ModelArtifacts): Promise<tf.io.SaveResult> => {
    kept = artifacts;
    return {modelArtifactsInfo: {dateSaved: new Date(), modelTopologyType: 'JSON'}};
  };
  await model.save(tf.io.withSaveHandler(keep));
  return kept!;
}

interface GraphModelOptions {
  /** True if runs on the native engine are compiled when the model allows it. */
  readonly compile: boolean;
  /** Called once with a clause that says why runs are not compiled although they should be. */
  readonly onFallback: ((reason: string) => void) | undefined;
}

/** Frees what TensorFlow holds for a graph that is gone. */
const gone = new FinalizationRegistry<CompiledCalls>(calls => calls.dispose());

/** A graph model of TensorFlow.js. Any node can be asked for, by its name. */
export class GraphModelGraph implements Graph {
  readonly inputs: readonly GraphTensor[];
  readonly outputs: readonly GraphTensor[];
  readonly names: readonly string[];
  readonly signature: SignatureJson;
  readonly #model: GraphModel;
  readonly #nodes: readonly string[];
  readonly #onFallback: ((reason: string) => void) | undefined;
  /** Compiled outputs by their names. */
  readonly #compiled = new Map<string, CompiledOutputs>();
  #compile: boolean;
  #isTold = false;

  constructor(model: GraphModel, operations: readonly GraphOperation[], {compile, onFallback}: GraphModelOptions) {
    this.#model = model;
    this.#nodes = operations.filter(({op}) => op !== 'Const').map(({name}) => name);
    this.#compile = compile && nativeBackend() !== undefined;
    this.#onFallback = onFallback;
    // The tables of a graph look like inputs of no type.
    const inputs = model.inputs.filter(({dtype}) => dtype != null);
    this.inputs = inputs.map(({name, dtype, shape}) => ({name, dtype, shape: shape?.map(openLength)}));
    this.signature = (model.modelSignature as SignatureJson | undefined) ?? {};
    this.outputs = model.outputNodes.map(name => outputTensor(name, this.signature.outputs?.[name]));
    this.names = [...model.outputNodes, ...this.#nodes];
  }

  find(name: string): GraphTensor | undefined {
    const declared = this.outputs.find(output => output.name === name);
    if (declared !== undefined) return declared;
    return this.#nodes.includes(name.split(':')[0]!) ? {name, dtype: 'float32', shape: undefined} : undefined;
  }

  open(): void {}

  async run(input: GraphTensor, values: GraphValues, outputs: readonly string[]): Promise<readonly GraphNumbers[]> {
    const {name, dtype} = input;
    const fed = tf.tensor(values.data as Float32Array, [...values.shape], dtype as tf.DataType);
    const given: tf.Tensor[] = [];
    try {
      const compiled = this.#runCompiled(input, fed, outputs);
      if (compiled !== undefined) return compiled;
      given.push(...(await execute(this.#model, {[name]: fed}, [...outputs])));
      return given.map(tensor => ({shape: tensor.shape, data: floatsOf(tensor)}));
    } finally {
      tf.dispose([fed, ...given]);
    }
  }

  /** Returns undefined if this model is not compiled. */
  #runCompiled({name, shape}: GraphTensor, fed: tf.Tensor, outputs: readonly string[]): GraphNumbers[] | undefined {
    if (!this.#compile || fed.dtype === 'string') return undefined;
    const key = JSON.stringify(outputs);
    const compiled = this.#compiled.get(key) ?? this.#newOutputs(key);
    const execute = (rows: tf.Tensor): tf.Tensor[] => [this.#model.execute({[name]: rows}, [...outputs])].flat();
    try {
      const given = compiled.run(fed, typeof shape?.[0] === 'number', execute);
      if (compiled.calls.fallback !== undefined) this.#tell(compiled.calls.fallback);
      return given;
    } catch (error) {
      this.#compile = false;
      for (const {calls} of this.#compiled.values()) calls.dispose();
      this.#tell(error instanceof Error ? error.message.split('\n')[0]! : String(error));
      return undefined;
    }
  }

  #newOutputs(key: string): CompiledOutputs {
    const compiled = new CompiledOutputs();
    this.#compiled.set(key, compiled);
    gone.register(this, compiled.calls);
    return compiled;
  }

  #tell(reason: string): void {
    if (!this.#isTold) this.#onFallback?.(reason);
    this.#isTold = true;
  }
}

/** The outputs in `model.json`. Models of old converters have none. */
interface SignatureJson {
  readonly outputs?: {readonly [name: string]: TensorJson};
}

interface TensorJson {
  /** Name of the node that gives it. */
  readonly name: string;
  readonly dtype?: string;
  readonly tensorShape?: {readonly dim?: readonly {readonly size: string}[]; readonly unknownRank?: boolean};
}

function outputTensor(name: string, {dtype, tensorShape}: Partial<TensorJson> = {}): GraphTensor {
  const isKnown = tensorShape !== undefined && !tensorShape.unknownRank;
  const shape = isKnown ? (tensorShape.dim ?? []).map(({size}) => openLength(Number(size))) : undefined;
  return {name, dtype: dtype === 'DT_STRING' ? 'string' : 'float32', shape};
}

function openLength(length: number): number | null {
  return length < 0 ? null : length;
}

/** Runs the nodes synchronously if possible. Loops, conditions and tables need an asynchronous run. */
async function execute(model: GraphModel, inputs: tf.NamedTensorMap, outputs: string[]): Promise<tf.Tensor[]> {
  try {
    return [tf.tidy(() => model.execute(inputs, outputs))].flat();
  } catch (error) {
    if (!String(error).includes('model.executeAsync()')) throw error;
    return [await model.executeAsync(inputs, outputs)].flat();
  }
}

function floatsOf(tensor: tf.Tensor): Float32Array {
  if (tensor.dtype === 'float32') return tensor.dataSync<'float32'>();
  return valuesOf(() => tf.cast(tensor, 'float32'));
}

/** Computes outputs of rows by a compiled graph of TensorFlow. */
class CompiledOutputs {
  readonly calls: CompiledCalls = new CompiledCalls();
  /** Shapes of the outputs for one row, by the shape of a row. */
  readonly #shapes = new Map<string, readonly number[][]>();

  /**
   * @param rows - [count, ...shape]
   * @param hasFixedCount - true if `outputs` takes no other number of rows
   * @param outputs - the function of the rows, which gives outputs of [count, ...]
   * @throws Error of `outputs`, or if an output has another number of rows
   */
  run(rows: tf.Tensor, hasFixedCount: boolean, outputs: (rows: tf.Tensor) => tf.Tensor[]): GraphNumbers[] {
    const key = rows.shape.slice(1).join();
    const joined = (given: tf.Tensor): tf.Tensor => {
      const parts = outputs(given);
      this.#shapes.set(
        key,
        parts.map(({shape}) => shape.slice(1)),
      );
      return joinedRows(parts, given.shape[0]!);
    };
    const run = (given: tf.Tensor): tf.Tensor => tf.tidy(() => joined(given));
    const all = hasFixedCount ? this.calls.call([rows], () => run(rows)) : this.calls.callRows(rows, run);
    try {
      return partedRows(all.dataSync<'float32'>(), rows.shape[0]!, this.#shapes.get(key)!);
    } finally {
      all.dispose();
    }
  }
}

/** [count, width]: the outputs side by side. */
function joinedRows(parts: readonly tf.Tensor[], count: number): tf.Tensor {
  const flat = parts.map(part => {
    if (part.shape[0] !== count) throw new Error('an output has not one part for each input');
    return tf.reshape(tf.cast(part, 'float32'), [count, part.size / count]);
  });
  return flat.length === 1 ? flat[0]! : tf.concat(flat, 1);
}

function partedRows(all: Float32Array, count: number, shapes: readonly (readonly number[])[]): GraphNumbers[] {
  const width = all.length / count;
  let start = 0;
  return shapes.map(shape => {
    const size = tf.util.sizeFromShape([...shape]);
    const data = new Float32Array(count * size);
    for (let row = 0; row < count; row++) {
      const from = row * width + start;
      data.set(all.subarray(from, from + size), row * size);
    }
    start += size;
    return {shape: [count, ...shape], data};
  });
}
