import type {tf} from '../tf.ts';
import {
  type Attribute,
  type Attributes,
  type Binding,
  type Constant,
  dataTypes,
  executeUpdate,
  fromBinding,
  type OperationAttribute,
  type TensorInfo,
  type TensorValues,
} from './binding.ts';
import type {Operation, OperationOutput, Recording, Source} from './recording.ts';

/** A clause that says why a function can't be compiled. */
export class Untraceable {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

/** Records the operations that go through a binding. */
export class Recorder {
  /** A binding that also records. */
  readonly binding: Binding;
  readonly #original: Binding;
  readonly #sources = new Map<number, Source>();
  readonly #operations: Operation[] = [];
  #problem: string | undefined;

  constructor(binding: Binding) {
    this.#original = binding;
    // The binding's own properties can't be written.
    this.binding = Object.create(binding, {
      createTensor: {value: this.#createTensor.bind(this)},
      executeOp: {value: this.#executeOp.bind(this)},
      executeUpdate: {value: this.#executeUpdate.bind(this)},
      tensorDataSync: {value: this.#tensorDataSync.bind(this)},
    }) as Binding;
  }

  knowVariables(variables: readonly tf.Variable[], ids: readonly number[]): void {
    for (const [index, variable] of variables.entries()) this.#sources.set(ids[index]!, {kind: 'variable', variable});
  }

  knowInputs(inputs: readonly tf.Tensor[], ids: readonly number[]): void {
    for (const [index, {shape, dtype}] of inputs.entries()) {
      this.#sources.set(ids[index]!, {kind: 'input', index, shape, dtype});
    }
  }

  /** The first reason counts. */
  giveUp(reason: string): void {
    this.#problem ??= reason;
  }

  /**
   * @param result - number of the tensor that the function returned
   * @param values - numbers of the present values of the assigned variables
   */
  finish(result: number, assigned: readonly tf.Variable[], values: readonly number[]): Recording | Untraceable {
    const sources = values.map(id => this.#sourceOf(id));
    const source = this.#sourceOf(result);
    const used = [source, ...sources, ...this.#operations.flatMap(operation => operation.inputs)];
    this.#checkUpdates(sources);
    if (this.#problem !== undefined) return new Untraceable(this.#problem);
    const read = used.filter(candidate => candidate.kind === 'variable').map(({variable}) => variable);
    return {
      operations: this.#operations,
      result: source,
      inputs: [...new Set(used.filter(candidate => candidate.kind === 'input'))],
      variables: new Set([...assigned, ...read]),
      assignments: new Map(assigned.map((variable, index) => [variable, sources[index]!])),
    };
  }

  /** A value that an operation changes in place must end in a variable, because in a graph it changes the variable. */
  #checkUpdates(ends: readonly Source[]): void {
    for (const [index, {name, updates}] of this.#operations.entries()) {
      const ending = ends.filter(end => end.kind === 'output' && end.operation === index);
      if (new Set(ending.map(end => (end as OperationOutput).output)).size < updates) {
        this.giveUp(`\`${name}\` changes what does not end in a variable`);
      }
    }
  }

  #executeOp(
    name: string,
    attributes: readonly OperationAttribute[],
    inputs: readonly number[],
    outputs: number,
  ): TensorInfo[] {
    // Its generator starts anew at each call, but would continue from run to run of a graph.
    if (name === 'Multinomial') this.giveUp('`Multinomial` draws random numbers of its own');
    const sources = inputs.map(id => this.#sourceOf(id));
    const infos = this.#original.executeOp(name, attributes, inputs, outputs);
    if (name === 'Reshape' && sources[1]!.kind === 'constant') sources[1] = lengthsOf(infos[0]!.shape);
    return this.#takeDown({name, attributes: this.#attributesOf(name, attributes), inputs: sources, updates: 0}, infos);
  }

  #executeUpdate(
    name: string,
    attributes: readonly OperationAttribute[],
    values: readonly number[],
    inputs: readonly number[],
  ): TensorInfo[] {
    const sources = [...values, ...inputs].map(id => this.#sourceOf(id));
    const infos = executeUpdate(this.#original, name, attributes, values, inputs);
    const updates = values.length;
    return this.#takeDown({name, attributes: this.#attributesOf(name, attributes), inputs: sources, updates}, infos);
  }

  #takeDown(operation: Operation, outputs: TensorInfo[]): TensorInfo[] {
    const index = this.#operations.push(operation) - 1;
    for (const [output, {id}] of outputs.entries()) {
      this.#sources.set(id, {kind: 'output', operation: index, output});
    }
    return outputs;
  }

  #createTensor(shape: readonly number[], dtype: number, values: TensorValues | readonly Uint8Array[]): number {
    const id = this.#original.createTensor(shape, dtype, values);
    if (ArrayBuffer.isView(values)) this.#sources.set(id, constantOf(shape, dtype, values as TensorValues));
    return id;
  }

  #tensorDataSync(id: number): TensorValues {
    const source = this.#sourceOf(id);
    if (source.kind !== 'constant') this.giveUp(`its JavaScript reads ${this.#described(source)}`);
    return this.#original.tensorDataSync(id);
  }

  /** The source of a tensor. A tensor that no recorded operation made counts as a constant. */
  #sourceOf(id: number): Source {
    const known = this.#sources.get(id);
    if (known !== undefined) return known;
    // Identity tells shape and type without a copy.
    const [info] = this.#original.executeOp('Identity', [], [id], 1);
    const {shape, dtype} = info!;
    if (dtype === dataTypes.string) this.giveUp('it holds a tensor of text');
    const values = this.#original.tensorDataSync(id);
    this.#original.deleteTensor(info!.id);
    const constant = constantOf(shape, dtype, values);
    this.#sources.set(id, constant);
    return constant;
  }

  #attributesOf(operation: string, attributes: readonly OperationAttribute[]): Attributes {
    const known: Record<string, Attribute> = {};
    for (const attribute of attributes) {
      const value = fromBinding(this.#original, attribute);
      if (value === undefined) this.giveUp(`attribute \`${attribute.name}\` of \`${operation}\` is of an unknown kind`);
      else known[attribute.name] = value;
    }
    return known;
  }

  #described(source: Source): string {
    switch (source.kind) {
      case 'input':
        return 'an input';
      case 'variable':
        return `the variable ${source.variable.name}`;
      case 'constant':
        return 'a constant';
      case 'output':
        return `what \`${this.#operations[source.operation]!.name}\` gives`;
    }
  }
}

/** The new shape of `Reshape` with every length written out. */
function lengthsOf(shape: readonly number[]): Constant {
  return constantOf([shape.length], dataTypes.int32, Int32Array.from(shape));
}

/** Copies the values, because their owner can change them later. Equal values become a single one. */
function constantOf(shape: readonly number[], dtype: number, values: TensorValues): Constant {
  const isPlain = dtype === dataTypes.float32 || dtype === dataTypes.int32 || dtype === dataTypes.bool;
  const isUniform =
    isPlain && values.length > 1 && (values as Float32Array).every(value => Object.is(value, values[0]));
  return {kind: 'constant', shape, dtype, values: isUniform ? values.slice(0, 1) : values.slice()};
}
