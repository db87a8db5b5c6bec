import type {tf} from '../tf.ts';
import type {Attributes, Constant, TensorValues} from './binding.ts';

/** A recorded run of a function of tensors: its operations in order, and the variables that it assigned. */
export interface Recording {
  readonly operations: readonly Operation[];
  readonly result: Source;
  /** Inputs that are used, by index. */
  readonly inputs: readonly InputTensor[];
  /** Variables that are read or assigned. */
  readonly variables: ReadonlySet<tf.Variable>;
  readonly assignments: ReadonlyMap<tf.Variable, Source>;
}

export interface Operation {
  readonly name: string;
  readonly attributes: Attributes;
  readonly inputs: readonly Source[];
  /** Number of inputs, from the first, that it changes in place: output k is the new value of input k. */
  readonly updates: number;
}

/** The source of a tensor. */
export type Source = InputTensor | VariableValue | Constant | OperationOutput;

export interface InputTensor {
  readonly kind: 'input';
  readonly index: number;
  readonly shape: readonly number[];
  readonly dtype: tf.DataType;
}

/** The value of a variable before the function ran. */
export interface VariableValue {
  readonly kind: 'variable';
  readonly variable: tf.Variable;
}

export interface OperationOutput {
  readonly kind: 'output';
  /** Index of the operation. */
  readonly operation: number;
  /** Index of the output. */
  readonly output: number;
}

/**
 * Describes the first difference between two recordings of one function; undefined if they are the same.
 *
 * @param hint - a clause that says why a constant can differ
 */
export function differenceOf(
  first: Recording,
  second: Recording,
  hint = 'a random number made in JavaScript, perhaps',
): string | undefined {
  for (const [index, operation] of second.operations.entries()) {
    const before = first.operations[index];
    if (before?.name !== operation.name) return `\`${operation.name}\` ran where ${shown(before)} did the time before`;
    const difference = operationDifference(before, operation, hint);
    if (difference !== undefined) return difference;
  }
  const missing = first.operations[second.operations.length];
  if (missing !== undefined) return `${shown(missing)} did not run again`;
  const sameEnd =
    isSame(first.result, second.result) &&
    first.assignments.size === second.assignments.size &&
    [...second.assignments].every(([variable, source]) => isSame(first.assignments.get(variable), source));
  return sameEnd ? undefined : 'what it gives or assigns comes from elsewhere each time';
}

const shown = (operation: Operation | undefined): string => (operation ? `\`${operation.name}\`` : 'nothing');

function operationDifference(before: Operation, after: Operation, hint: string): string | undefined {
  if (JSON.stringify(before.attributes) !== JSON.stringify(after.attributes)) {
    return `an attribute of \`${after.name}\` is another each time`;
  }
  for (const [index, source] of after.inputs.entries()) {
    const earlier = before.inputs[index];
    if (isSame(earlier, source)) continue;
    return earlier?.kind === 'constant' && source.kind === 'constant'
      ? `\`${after.name}\` takes a constant that is another each time: ${hint}`
      : `input ${index} of \`${after.name}\` comes from elsewhere each time`;
  }
  return undefined;
}

function isSame(a: Source | undefined, b: Source): boolean {
  if (a?.kind !== b.kind) return false;
  switch (b.kind) {
    case 'input':
      return (a as InputTensor).index === b.index;
    case 'variable':
      return (a as VariableValue).variable === b.variable;
    case 'constant':
      return isSameConstant(a as Constant, b);
    case 'output':
      return (a as OperationOutput).operation === b.operation && (a as OperationOutput).output === b.output;
  }
}

function isSameConstant(a: Constant, b: Constant): boolean {
  return a.dtype === b.dtype && a.shape.join() === b.shape.join() && bytesOf(a.values).equals(bytesOf(b.values));
}

/** The memory of a typed array, not a copy. */
export function bytesOf({buffer, byteOffset, byteLength}: TensorValues): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}
