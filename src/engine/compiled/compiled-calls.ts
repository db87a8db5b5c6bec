import {tf} from '../tf.ts';
import {type Constant, dataTypes, type NativeBackend, nativeBackend} from './binding.ts';
import {graphOf} from './graph.ts';
import {Recorder, Untraceable} from './recorder.ts';
import {differenceOf, type InputTensor, type Operation, type Recording, type Source} from './recording.ts';
import {Session, syncSessions} from './session.ts';

/** Most shapes of inputs that are compiled. Calls with further shapes run one operation at a time. */
const MOST_SHAPES = 8;

/**
 * Runs the calls of one function as a graph of TensorFlow.
 *
 * The first call with inputs of a shape records the function twice. If both recordings are the same, this call and all
 * later ones run as a graph. The recording finds the variables of TensorFlow.js that the function reads or assigns.
 * From then on their values live in the graph, and `sync` brings them back. If the engine is not native, or the
 * function can't be compiled, every call runs uncompiled.
 */
export class CompiledCalls {
  readonly #backend: NativeBackend | undefined = nativeBackend();
  /** Indices in `#recordings`, by the inputs' types and shapes. */
  readonly #programs = new Map<string, number>();
  readonly #recordings: Recording[] = [];
  readonly #onFallback: ((reason: string) => void) | undefined;
  #session: Session | undefined;
  #fallback: string | undefined;

  /** @param onFallback - called once with `fallback`, when it is known */
  constructor(onFallback?: (reason: string) => void) {
    this.#onFallback = onFallback;
  }

  /**
   * Makes one call.
   *
   * @param inputs - all tensors that change from call to call and are not variables
   * @param run - uses the inputs; only their values and those of variables can differ between calls
   * @returns what `run` gives, a tensor of 32-bit floats that is the caller's to dispose
   */
  call(inputs: readonly tf.Tensor[], run: () => tf.Tensor): tf.Tensor {
    const shapes = inputs.map(({dtype, shape}) => `${dtype} ${shape}`).join('; ');
    const program = this.#programFor(shapes, backend => recordTwice(backend, inputs, run));
    return this.#run(program, inputs, run);
  }

  /**
   * Makes one call of a function of many rows. It is compiled once for any number of rows.
   *
   * @param rows - [count, ...shape], the only thing that changes from call to call and is not a variable
   * @param run - does the same for any number of rows; only their values and those of variables can differ between
   * calls
   * @returns what `run` gives, a tensor of 32-bit floats that is the caller's to dispose
   */
  callRows(rows: tf.Tensor, run: (rows: tf.Tensor) => tf.Tensor): tf.Tensor {
    return this.callOpen([{input: rows, open: [0]}], ([given]) => run(given!));
  }

  /**
   * Makes one call of a function of inputs of many shapes. It is compiled once for any lengths of their open axes.
   *
   * @param inputs - all tensors that change from call to call and are not variables; must take zeros, and the same
   * length for all open axes
   * @param run - does the same for any lengths; only the values of inputs and of variables can differ between calls
   * @returns what `run` gives, a tensor of 32-bit floats that is the caller's to dispose
   */
  callOpen(inputs: readonly OpenInput[], run: (inputs: readonly tf.Tensor[]) => tf.Tensor): tf.Tensor {
    const shapes = inputs.map(({input: {dtype, shape}, open}) => `${dtype} ${opened(shape, open, UNKNOWN)}`);
    const program = this.#programFor(`open ${shapes.join('; ')}`, backend => recordOpen(backend, inputs, run));
    const tensors = inputs.map(({input}) => input);
    return this.#run(program, tensors, () => run(tensors));
  }

  /** A clause that says why calls run uncompiled although the engine is native. */
  get fallback(): string | undefined {
    return this.#fallback;
  }

  /** Updates the variables from their values in the graph. */
  sync(): void {
    this.#session?.sync();
  }

  dispose(): void {
    this.sync();
    this.#close();
    this.#programs.clear();
    this.#recordings.length = 0;
  }

  #run(program: number | undefined, inputs: readonly tf.Tensor[], run: () => tf.Tensor): tf.Tensor {
    if (program === undefined) {
      this.sync();
      return run();
    }
    const used = this.#recordings[program]!.inputs.map(({index}) => inputs[index]!);
    return this.#session!.run(program, used);
  }

  #programFor(shapes: string, record: (backend: NativeBackend) => Recording | Untraceable): number | undefined {
    if (this.#backend === undefined || this.#fallback !== undefined) return undefined;
    const known = this.#programs.get(shapes);
    if (known !== undefined || this.#programs.size === MOST_SHAPES) return known;
    const recording = record(this.#backend);
    if (recording instanceof Untraceable) return this.#giveUp(recording.reason);
    this.#programs.set(shapes, this.#recordings.push(recording) - 1);
    return this.#load(this.#backend);
  }

  /** Loads the latest recording. Sessions can't share variables, so all recordings go into one graph. */
  #load(backend: NativeBackend): number | undefined {
    this.#close();
    try {
      this.#session = new Session(backend, graphOf(this.#recordings));
      return this.#recordings.length - 1;
    } catch (error) {
      const [message] = error instanceof Error ? error.message.split('\n') : [String(error)];
      return this.#giveUp(`TensorFlow refuses the graph (${message})`);
    }
  }

  #close(): void {
    this.#session?.close();
    this.#session = undefined;
  }

  #giveUp(reason: string): undefined {
    this.dispose();
    this.#fallback = reason;
    this.#onFallback?.(reason);
    return undefined;
  }
}

/** The recording of two equal runs of a call, or the reason why there is none. */
function recordTwice(
  backend: NativeBackend,
  inputs: readonly tf.Tensor[],
  run: () => tf.Tensor,
): Recording | Untraceable {
  const first = record(backend, inputs, run);
  if (first instanceof Untraceable) return first;
  const second = record(backend, inputs, run);
  if (second instanceof Untraceable) return second;
  const difference = differenceOf(first, second);
  return difference === undefined ? second : new Untraceable(difference);
}

/** An input whose length along some axes differs from call to call. */
export interface OpenInput {
  readonly input: tf.Tensor;
  /** The axes, such as 0. */
  readonly open: readonly number[];
}

function opened(shape: readonly number[], open: readonly number[], length: number): number[] {
  return shape.map((fixed, axis) => (open.includes(axis) ? length : fixed));
}

/**
 * The recording of a function for inputs like the given ones with any lengths of their open axes, or the reason why
 * there is none. It runs on zeros, with two and with three along each open axis.
 */
function recordOpen(
  backend: NativeBackend,
  inputs: readonly OpenInput[],
  run: (inputs: readonly tf.Tensor[]) => tf.Tensor,
): Recording | Untraceable {
  const zeros = (length: number): tf.Tensor[] =>
    inputs.map(({input: {shape, dtype}, open}) => tf.zeros(opened(shape, open, length), dtype));
  const [two, three] = [zeros(2), zeros(3)];
  try {
    const ofTwo = recordTwice(backend, two, () => run(two));
    if (ofTwo instanceof Untraceable) return ofTwo;
    const ofThree = record(backend, three, () => run(three));
    if (ofThree instanceof Untraceable) return ofThree;
    const ofAny = withOpenLengths(ofTwo, ofThree);
    const difference = differenceOf(withOpenLengths(ofThree, ofTwo), ofAny, 'it depends on the number of rows');
    return difference === undefined ? ofAny : new Untraceable(difference);
  } finally {
    tf.dispose([...two, ...three]);
  }
}

/** An unknown length. In `Reshape` it is the length that follows from the others, in `Slice` all the rest. */
const UNKNOWN = -1;

/**
 * A recording for any lengths of the open axes: its inputs and its new shapes leave them open.
 *
 * @param other - a recording with other lengths; each length that differs between both is left open
 */
function withOpenLengths(recording: Recording, other: Recording): Recording {
  return {
    ...recording,
    inputs: recording.inputs.map((input, index) => ({...input, shape: differing(input, other.inputs[index])})),
    operations: recording.operations.map((operation, index) => reshaping(operation, other.operations[index])),
  };
}

function differing({shape}: InputTensor, other: InputTensor | undefined): number[] {
  return shape.map((length, axis) => (length === other?.shape[axis] ? length : UNKNOWN));
}

/** The index of the input that holds lengths in which `UNKNOWN` may stand, by operation. */
const LENGTHS: Readonly<Record<string, number>> = {Reshape: 1, Slice: 2};

function reshaping(operation: Operation, other: Operation | undefined): Operation {
  const index = LENGTHS[operation.name];
  if (index === undefined) return operation;
  const [lengths, others] = [operation.inputs[index], other?.inputs[index]];
  if (lengths?.kind !== 'constant' || others?.kind !== 'constant') return operation;
  return {...operation, inputs: operation.inputs.with(index, withOpenLength(lengths, others))};
}

function withOpenLength(shape: Constant, other: Constant): Source {
  const [lengths, others] = [valuesOf(shape), valuesOf(other)];
  const differing = lengths.flatMap((length, axis) => (length === others[axis] ? [] : [axis]));
  if (lengths.length !== others.length || differing.length !== 1) return shape;
  const values = Int32Array.from(lengths.with(differing[0]!, UNKNOWN));
  return {kind: 'constant', shape: [lengths.length], dtype: dataTypes.int32, values};
}

/** All values, one by one. */
function valuesOf({shape, values}: Constant): number[] {
  return Array.from({length: shape[0] ?? 0}, (_, index) => values[values.length === 1 ? 0 : index]!);
}

/** Runs a function of the inputs and of any variables, and records it. Variables keep their values. */
function record(backend: NativeBackend, inputs: readonly tf.Tensor[], run: () => tf.Tensor): Recording | Untraceable {
  const {binding} = backend;
  const recorder = new Recorder(binding);
  // Below, all variables look as if they were assigned outside, and a graph forgets its own values of such variables.
  syncSessions();
  const variables = registeredVariables();
  for (const variable of variables) separate(backend, variable);
  recorder.knowVariables(variables, backend.getInputTensorIds(variables));
  recorder.knowInputs(inputs, backend.getInputTensorIds(inputs));
  const values = variables.map(variable => tf.clone(variable));
  const isAssigned = (variable: tf.Variable, index: number) => variable.dataId !== values[index]!.dataId;
  tf.engine().startScope();
  backend.binding = recorder.binding;
  try {
    const result = run();
    const assigned = variables.filter(isAssigned);
    const [resultId, ...assignedIds] = backend.getInputTensorIds([result, ...assigned]);
    const fresh = registeredVariables().find(variable => !variables.includes(variable));
    if (fresh !== undefined) recorder.giveUp(`the variable ${fresh.name} is made inside of it`);
    return recorder.finish(resultId!, assigned, assignedIds);
  } finally {
    backend.binding = binding;
    for (const [index, variable] of variables.entries()) {
      if (isAssigned(variable, index)) variable.assign(values[index]!);
    }
    tf.engine().endScope();
    tf.dispose(values);
  }
}

function registeredVariables(): tf.Variable[] {
  return Object.values(tf.engine().registeredVariables);
}

/**
 * Gives a variable's value its own number. Copies of a variable share its number until one of them changes, so a copy
 * that the function keeps would be mistaken for the variable.
 */
function separate(backend: NativeBackend, variable: tf.Variable): void {
  const [info] = backend.binding.executeOp('Identity', [], backend.getInputTensorIds([variable]), 1);
  const own = backend.createOutputTensor(info!);
  variable.assign(own);
  own.dispose();
}
