import {z} from 'zod';
import {sizeOf} from '../data/inputs.ts';
import {InputError} from '../errors.ts';
import {fieldsOf, imageOf} from '../input-kinds.ts';
import {describeDetail} from '../knowledge/coarsen.ts';
import type {
  Answer,
  Detail,
  ImageInput,
  Input,
  LabelAnswer,
  LogitsAnswer,
  LogProbabilitiesAnswer,
  Query,
  RecordInput,
  TensorInput,
  TextInput,
  TopKAnswer,
} from '../teacher.ts';
import {RequestFailure} from './router.ts';

/** The inputs of a served model: texts, images or records, or tensors of one type and shape. */
export type ServedInput =
  | Pick<ImageInput | RecordInput | TextInput, 'kind'>
  | Pick<TensorInput, 'kind' | 'dtype' | 'shape'>;

/** Name of the single input of every served model. */
export const INPUT_NAME = 'input';

/** An input tensor in a request. */
export interface WireTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data: readonly unknown[];
}

/** Validates an input tensor. */
export const wireTensor: z.ZodType<WireTensor> = z.object({
  name: z.string(),
  datatype: z.string(),
  shape: z.array(z.number().int().min(1)).min(1),
  data: z.custom<readonly unknown[]>(Array.isArray, 'Expected an array'),
});

interface Datatype {
  /** True if a JSON value can be of this type. */
  readonly takes: (value: unknown) => boolean;
  readonly pack: (values: readonly number[]) => TensorInput['data'];
}

const isWhole = (low: number, high: number) => (value: unknown) =>
  Number.isInteger(value) && (value as number) >= low && (value as number) <= high;

const datatypes: Readonly<Record<TensorInput['dtype'], Datatype>> = {
  uint8: {takes: isWhole(0, 255), pack: values => Uint8Array.from(values)},
  int32: {takes: isWhole(-(2 ** 31), 2 ** 31 - 1), pack: values => Int32Array.from(values)},
  float32: {takes: Number.isFinite, pack: values => Float32Array.from(values)},
};

const dtypeNames: Readonly<Record<string, TensorInput['dtype']>> = {UINT8: 'uint8', INT32: 'int32', FP32: 'float32'};

/** Name of an input's type in the Open Inference Protocol. */
export function datatypeOf(input: ServedInput): string {
  return input.kind === 'tensor' ? nameOf(input.dtype) : 'BYTES';
}

/** Shape of one input. */
export function shapeOf(input: ServedInput): readonly number[] {
  return input.kind === 'tensor' ? input.shape : [];
}

function nameOf(dtype: TensorInput['dtype']): string {
  return Object.keys(dtypeNames).find(name => dtypeNames[name] === dtype)!;
}

/**
 * The queries in one tensor of a request. The first axis counts them.
 *
 * @param served - the model's input; undefined accepts every datatype and shape
 * @throws RequestFailure 400 with the expected input
 */
export function queriesIn({name, datatype, shape, data}: WireTensor, served: ServedInput | undefined): Query[] {
  if (name !== INPUT_NAME) throw refused(`There is no input \`${name}\`. The one input is \`${INPUT_NAME}\`.`);
  const expected = served ? [datatypeOf(served)] : [...Object.keys(dtypeNames), 'BYTES'];
  if (!expected.includes(datatype)) throw refused(`Expected datatype ${expected.join(', ')}, got ${datatype}.`);
  const [count, ...rest] = shape as [number, ...number[]];
  if (served?.kind === 'tensor' && rest.join() !== served.shape.join()) {
    throw refused(`Expected shape [${['n', ...served.shape].join(', ')}], got [${shape.join(', ')}].`);
  }
  const values = Array.isArray(data[0]) ? data.flat(Number.POSITIVE_INFINITY) : data;
  const size = sizeOf(rest);
  if (values.length !== count * size) {
    throw refused(`A tensor of shape [${shape.join(', ')}] holds ${count * size} values, got ${values.length}.`);
  }
  const inputAt =
    datatype === 'BYTES' ? wordsAt(values, size, served?.kind) : tensorAt(values, dtypeNames[datatype]!, rest);
  return Array.from({length: count}, (_, row) => ({input: inputAt(row)}));
}

function tensorAt(
  values: readonly unknown[],
  dtype: TensorInput['dtype'],
  shape: readonly number[],
): (row: number) => Input {
  const {takes, pack} = datatypes[dtype];
  const index = values.findIndex(value => !takes(value));
  if (index !== -1) throw refused(`Value ${index} of the data is not ${nameOf(dtype)}.`);
  const data = pack(values as number[]);
  const size = sizeOf(shape);
  return row => ({kind: 'tensor', dtype, shape, data: data.subarray(row * size, (row + 1) * size)});
}

function wordsAt(values: readonly unknown[], size: number, kind?: ServedInput['kind']): (row: number) => Input {
  if (size !== 1) throw refused('Expected texts of shape [n] or [n, 1].');
  const index = values.findIndex(value => typeof value !== 'string');
  if (index !== -1) throw refused(`Value ${index} of the data is not a string.`);
  return row => inputIn(values[row] as string, kind, row);
}

/**
 * The input that a value of JSON stands for: a text; an image as a data URL or in base64; or a record, as an object or as
 * its JSON.
 *
 * @param kind - the kind that the model takes
 * @default kind any: a string is a text, and an object a record
 * @param index - of the input in its request
 * @throws RequestFailure 400 if it is no such input
 */
export function inputIn(value: unknown, kind: ServedInput['kind'] | undefined, index: number): Input {
  const isText = typeof value === 'string';
  try {
    if (kind === 'image' && isText) return {kind, ...imageOf(bytesIn(value), `Input ${index}`)};
    if (kind === 'record' || (kind === undefined && !isText)) {
      return {kind: 'record', fields: fieldsOf(isText ? JSON.parse(value) : value, `Input ${index}`)};
    }
  } catch (error) {
    throw refused(error instanceof InputError ? error.message : `Input ${index} is no JSON of a record.`);
  }
  if (kind === 'image') throw refused(`Input ${index} is no image. Give it as a data URL, or in base64.`);
  if (!isText) throw refused(`Input ${index} is not a text.`);
  if (kind !== 'tensor') return {kind: 'text', text: value};
  throw refused(`Input ${index} is a text; the model takes numbers.`);
}

/** The bytes in a data URL, or in base64. */
function bytesIn(text: string): Uint8Array {
  return Buffer.from(text.replace(/^data:[^,]*;base64,/, ''), 'base64');
}

function refused(message: string): RequestFailure {
  return new RequestFailure(400, message);
}

/** One output that a service shows. */
export interface ServedOutput {
  readonly name: string;
  readonly datatype: 'INT32' | 'FP32' | 'BYTES';
  /** Shape of the output for one answer. */
  readonly shape: readonly number[];
  readonly read: (answer: Answer) => Iterable<number | string>;
}

/** Stands for minus infinity, which JSON can't express. A probability of zero is shown as this. */
export const leastLogProbability: number = Math.log(1e-38);

/** The outputs that a service of this detail shows. */
export function outputsFor(detail: Detail, classes: readonly string[]): readonly ServedOutput[] {
  switch (detail.kind) {
    case 'label':
      return [
        {name: 'label', datatype: 'INT32', shape: [], read: answer => [labelOf(answer)]},
        {name: 'class', datatype: 'BYTES', shape: [], read: answer => [classes[labelOf(answer)]!]},
      ];
    case 'top-k': {
      const shape = [Math.min(detail.k, classes.length)];
      return [
        {
          name: 'classes',
          datatype: 'INT32',
          shape,
          read: answer => filled((answer as TopKAnswer).classes, shape[0]!, -1),
        },
        {
          name: 'log_probabilities',
          datatype: 'FP32',
          shape,
          read: answer => filled(logProbabilitiesOf(answer), shape[0]!, leastLogProbability),
        },
      ];
    }
    case 'log-probabilities':
      return [{name: 'log_probabilities', datatype: 'FP32', shape: [classes.length], read: logProbabilitiesOf}];
    case 'logits':
      return [
        {
          name: 'logits',
          datatype: 'FP32',
          shape: [classes.length],
          read: answer => (answer as LogitsAnswer).logits,
        },
      ];
    case 'expected':
    case 'votes':
    case 'vector':
      throw new InputError(
        `This route can't show ${describeDetail(detail)}. Serve labels, log-probabilities or logits.`,
      );
  }
}

/** An output tensor of a reply, with flat data. */
export function outputTensor({name, datatype, shape, read}: ServedOutput, answers: readonly Answer[]): object {
  return {name, datatype, shape: [answers.length, ...shape], data: answers.flatMap(answer => [...read(answer)])};
}

function labelOf(answer: Answer): number {
  return (answer as LabelAnswer).label;
}

function logProbabilitiesOf(answer: Answer): Float32Array {
  const {logProbabilities} = answer as TopKAnswer | LogProbabilitiesAnswer;
  return logProbabilities.map(value => Math.max(value, leastLogProbability));
}

/** A teacher can name fewer than the k best classes. The remaining elements hold the rest value. */
function filled(values: Iterable<number>, length: number, rest: number): number[] {
  const named = [...values];
  return [...named, ...new Array<number>(Math.max(0, length - named.length)).fill(rest)];
}
