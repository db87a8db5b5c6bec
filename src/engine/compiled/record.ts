import {tf} from '../tf.ts';
import {type Constant, dataTypes} from './attribute.ts';
import type {NativeBackend} from './binding.ts';
import {Recorder, Untraceable} from './recorder.ts';
import {differenceOf, type Operation, type Recording, type Source} from './recording.ts';
import {syncSessions} from './session.ts';

/** The recording of two equal runs of a call, or the reason why there is none. */
export function recordTwice(
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

/**
 * The recording of a function for any number of rows like the given ones, or the reason why there is none. It runs on
 * two and on three rows of zeros.
 */
export function recordRows(
  backend: NativeBackend,
  {shape: [, ...shape], dtype}: tf.Tensor,
  run: (rows: tf.Tensor) => tf.Tensor,
): Recording | Untraceable {
  const [two, three] = [tf.zeros([2, ...shape], dtype), tf.zeros([3, ...shape], dtype)];
  try {
    const ofTwo = recordTwice(backend, [two], () => run(two));
    if (ofTwo instanceof Untraceable) return ofTwo;
    const ofThree = record(backend, [three], () => run(three));
    if (ofThree instanceof Untraceable) return ofThree;
    const ofAny = withAnyCount(ofTwo, ofThree);
    const difference = differenceOf(withAnyCount(ofThree, ofTwo), ofAny, 'it depends on the number of rows');
    return difference === undefined ? ofAny : new Untraceable(difference);
  } finally {
    tf.dispose([two, three]);
  }
}

/** An unknown length. In `Reshape` it is the length that follows from the others. */
const UNKNOWN = -1;

/**
 * A recording for any number of rows: its inputs and its new shapes leave this number open.
 *
 * @param other - a recording with another number of rows; a length of a new shape that differs between both is left
 * open
 */
function withAnyCount(recording: Recording, other: Recording): Recording {
  return {
    ...recording,
    inputs: recording.inputs.map(input => ({...input, shape: [UNKNOWN, ...input.shape.slice(1)]})),
    operations: recording.operations.map((operation, index) => reshaping(operation, other.operations[index])),
  };
}

function reshaping(operation: Operation, other: Operation | undefined): Operation {
  const [input, shape] = operation.inputs;
  const otherShape = other?.inputs[1];
  if (operation.name !== 'Reshape' || shape?.kind !== 'constant' || otherShape?.kind !== 'constant') return operation;
  return {...operation, inputs: [input!, withOpenLength(shape, otherShape)]};
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
