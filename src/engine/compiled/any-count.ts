import {type Constant, dataTypes} from './attribute.ts';
import type {Operation, Recording, Source} from './recording.ts';

/** Stands for a length that is not known; in `Reshape`, for the one that follows from the others. */
const UNKNOWN = -1;

/**
 * A recording made for any number of rows: its inputs have as many as they are given, and so has what it reshapes.
 *
 * @param other - the same of another number of rows; where a new shape differs from this in one length, that is left open
 */
export function withAnyCount(recording: Recording, other: Recording): Recording {
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
  return Array.from({length: shape[0] ?? 0}, (_, place) => values[values.length === 1 ? 0 : place]!);
}
