import type {Input, Query, TensorInput} from '../../src/teacher.ts';
import {canHold, type TensorHead} from './tensors.ts';

/** Inputs that fit into one request: the same datatype and shape. */
export interface Batch {
  /** Indices of the queries in the call. */
  readonly rows: readonly number[];
  readonly inputs: readonly Input[];
}

/** The service's name and datatype of its input. */
export interface InputForm {
  readonly name: string;
  /** Undefined if it is the datatype of the queries. */
  readonly datatype: string | undefined;
}

/** Sorts queries into batches. Calls `refuse` for those that no request can hold. */
export function batchesOf(
  queries: readonly Query[],
  {datatype}: InputForm,
  refuse: (row: number, problem: string) => void,
): readonly Batch[] {
  const batches = new Map<string, {readonly rows: number[]; readonly inputs: Input[]}>();
  for (const [row, {input}] of queries.entries()) {
    const problem = problemWith(input, datatype);
    if (problem !== undefined) {
      refuse(row, problem);
      continue;
    }
    const form = input.kind === 'text' ? 'text' : `${input.dtype} ${input.shape.join()}`;
    const batch = batches.get(form) ?? {rows: [], inputs: []};
    batch.rows.push(row);
    batch.inputs.push(input);
    batches.set(form, batch);
  }
  return [...batches.values()];
}

function problemWith(input: Input, datatype: string | undefined): string | undefined {
  if (input.kind === 'text') return undefined;
  const size = input.shape.reduce((product, length) => product * length, 1);
  if (input.data.length !== size) {
    return `An input of shape [${input.shape.join(', ')}] holds ${size} values, got ${input.data.length}.`;
  }
  if (input.dtype === 'float32' && !input.data.every(Number.isFinite))
    return 'An input holds NaN or an infinite value, which not every form of the protocol can hold.';
  if (datatype !== undefined && datatype !== datatypes[input.dtype] && !canHold(datatype, input.data))
    return `An input holds values that ${datatype} can not. Check \`input.datatype\`.`;
  return undefined;
}

const datatypes: Record<TensorInput['dtype'], string> = {uint8: 'UINT8', int32: 'INT32', float32: 'FP32'};

/** Returns the head of one tensor for all inputs of a batch. Texts have shape [n, 1], which Triton's batching needs. */
export function headOf(inputs: readonly Input[], {name, datatype}: InputForm): TensorHead {
  const first = inputs[0]!;
  if (first.kind === 'text') {
    return {name, datatype: 'BYTES', shape: [inputs.length, 1], parameters: {content_type: 'str'}};
  }
  return {name, datatype: datatype ?? datatypes[first.dtype], shape: [inputs.length, ...first.shape]};
}

/** Returns that tensor's values for JSON. */
export function valuesOf(inputs: readonly Input[]): readonly (number | string)[] {
  if (inputs[0]!.kind === 'text') return inputs.map(input => (input as {readonly text: string}).text);
  return joined(inputs as readonly TensorInput[]);
}

/** Returns all values in one array. It uses a loop, because this takes most of the time of asking about images. */
function joined(inputs: readonly TensorInput[]): number[] {
  const size = inputs[0]!.data.length;
  const values = new Array<number>(inputs.length * size);
  for (const [row, {data}] of inputs.entries()) {
    for (let index = 0; index < size; index++) values[row * size + index] = data[index]!;
  }
  return values;
}
