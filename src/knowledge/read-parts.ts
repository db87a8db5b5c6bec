import {z} from 'zod';
import type {Inputs} from '../data/inputs.ts';
import {InputError, KnowledgeError} from '../errors.ts';
import {fieldsOf, imageOf} from '../input-kinds.ts';
import type {Detail, Feature, Fields, TensorInput} from '../teacher.ts';
import type {Answers} from './answers.ts';
import type {Knowledge} from './knowledge.ts';
import {questionSchema} from './question-schema.ts';
import type {Dtype, Tensor, TensorFile} from './safetensors.ts';

/** The format of a knowledge file. */
export const FORMAT = 'limbeck.knowledge/1' as const;
/** The prefix of the name of a layer's feature tensor. */
export const FEATURE = 'features/' as const;

/** The types of inputs, as files name them. */
export const DTYPES: Readonly<Record<TensorInput['dtype'], 'U8' | 'I32' | 'F32'>> = {
  uint8: 'U8',
  int32: 'I32',
  float32: 'F32',
};

const fromJson = <T extends z.ZodType>(schema: T) =>
  z
    .string()
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text);
      } catch {
        context.addIssue('Expected JSON');
        return z.NEVER;
      }
    })
    .pipe(schema);

const DetailSchema = z.discriminatedUnion('kind', [
  z.object({kind: z.literal('label')}),
  z.object({kind: z.literal('votes')}),
  z.object({kind: z.literal('expected')}),
  z.object({kind: z.literal('top-k'), k: z.int().positive()}),
  z.object({kind: z.literal('log-probabilities')}),
  z.object({kind: z.literal('logits'), features: z.array(z.string()).exactOptional()}),
  z.object({kind: z.literal('vector')}),
]);

const Metadata = z.object({
  format: z.literal(FORMAT),
  source: fromJson(
    z.object({
      access: z.enum(['black-box', 'gray-box', 'white-box', 'truth']),
      identity: z.record(z.string(), z.json()),
    }),
  ),
  classes: fromJson(z.array(z.string())),
  question: fromJson(questionSchema).exactOptional(),
  detail: fromJson(DetailSchema),
  versions: fromJson(z.int().positive()).exactOptional(),
  calibration_inputs: fromJson(z.array(z.int().nonnegative())).exactOptional(),
  unanswered: fromJson(z.int().nonnegative()).exactOptional(),
});

/**
 * The metadata of a knowledge file.
 *
 * @throws KnowledgeError if it is not valid
 */
export function readHead(
  parts: TensorParts,
  metadata: TensorFile['metadata'],
): Pick<Knowledge, 'source' | 'classes' | 'question' | 'detail' | 'versions' | 'calibrationInputs' | 'unanswered'> {
  const read = Metadata.safeParse(metadata);
  if (!read.success) throw parts.misfit(`its metadata is not valid:\n${z.prettifyError(read.error)}`);
  if ((read.data.classes.length === 0) !== (read.data.detail.kind === 'vector')) {
    throw parts.misfit('answers have classes, and only vectors have none');
  }
  const {source, classes, question, detail, versions, calibration_inputs: calibrationInputs, unanswered} = read.data;
  return {
    source,
    classes,
    ...(question && {question}),
    detail,
    ...(versions !== undefined && {versions}),
    ...(calibrationInputs && {calibrationInputs}),
    ...(unanswered !== undefined && {unanswered}),
  };
}

/** @throws KnowledgeError if the rows are no multiple of the versions, or an input is set apart that isn't there */
export function checkRowsFit(
  parts: TensorParts,
  rows: number,
  {versions = 1, calibrationInputs = []}: Pick<Knowledge, 'versions' | 'calibrationInputs'>,
): void {
  if (rows % versions !== 0) throw parts.misfit(`its ${rows} rows are not ${versions} versions of each input`);
  const beyond = calibrationInputs.find(input => input >= rows / versions);
  if (beyond !== undefined) throw parts.misfit(`it sets input ${beyond} apart, and it holds ${rows / versions}`);
}

/** Inputs that are no tensors lie one after another in a tensor of bytes, with their offsets in another. */
const LISTS = ['texts', 'images', 'records'] as const;

export type ListName = (typeof LISTS)[number];

/** The name of the tensor with the inputs, if they are no tensors. */
export function listNameIn(tensors: {has(name: string): boolean}): ListName | undefined {
  return LISTS.find(name => tensors.has(name));
}

/** The inputs. */
export function readInputs(parts: TensorParts): Inputs {
  const list = listNameIn(parts);
  if (list !== undefined) return readList(parts, list);
  const {
    dtype,
    shape: [count, ...shape],
    data,
  } = parts.take('inputs', ['U8', 'I32', 'F32']);
  if (count === undefined) throw parts.misfit('tensor inputs has no dimensions');
  const names = Object.keys(DTYPES) as TensorInput['dtype'][];
  return {kind: 'tensor', dtype: names.find(name => DTYPES[name] === dtype)!, shape, count, data};
}

function readList(parts: TensorParts, name: ListName): Inputs {
  const {data} = parts.take(name, ['U8']);
  const offsets = Array.from(parts.take(`${name}.offsets`, ['I64']).data, Number);
  const ordered = offsets.every((offset, index) => offset >= (offsets[index - 1] ?? 0));
  if (offsets[0] !== 0 || offsets.at(-1) !== data.length || !ordered) {
    throw parts.misfit(`${name}.offsets must rise from 0 to ${data.length}`);
  }
  const pieces = offsets.slice(1).map((end, index) => data.subarray(offsets[index], end));
  const count = pieces.length;
  const all = <T>(one: string, read: (piece: Uint8Array, who: string) => T): T[] =>
    pieces.map((piece, index) => {
      try {
        return read(piece, `${one} ${index}`);
      } catch (error) {
        throw parts.misfit(error instanceof InputError ? error.message : `${one} ${index} is not UTF-8`);
      }
    });
  const decoder = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true});
  switch (name) {
    case 'texts':
      return {kind: 'text', count, texts: all('text', piece => decoder.decode(piece))};
    case 'images':
      return {kind: 'image', count, images: all('image', imageOf)};
    case 'records':
      return {kind: 'record', count, records: all('record', (piece, who) => readRecord(decoder.decode(piece), who))};
  }
}

function readRecord(json: string, who: string): Fields {
  try {
    return fieldsOf(JSON.parse(json), who);
  } catch (error) {
    throw error instanceof SyntaxError ? new InputError(`${who} is not JSON.`) : error;
  }
}

/** The answers of a detail to `count` inputs. */
export function readAnswers(parts: TensorParts, detail: Detail, count: number, classes: number): Answers {
  switch (detail.kind) {
    case 'label':
      return {kind: 'label', count, labels: parts.indices('labels', [count], 0, classes)};
    case 'votes':
      return {kind: 'votes', count, counts: parts.values('counts', 'U32', [count, classes])};
    case 'expected':
      return {kind: 'expected', count, levels: parts.values('expected_levels', 'F32', [count])};
    case 'top-k': {
      const k = parts.take('classes', ['I32'], [count]).shape[1] ?? 0;
      const named = parts.indices('classes', [count, k], -1, classes);
      const logProbabilities = parts.values('log_probabilities', 'F32', [count, k]);
      return {kind: 'top-k', count, k, classes: named, logProbabilities, rest: parts.values('rest', 'F32', [count])};
    }
    case 'log-probabilities':
      return {kind: detail.kind, count, logProbabilities: parts.values('log_probabilities', 'F32', [count, classes])};
    case 'logits': {
      const logits = parts.values('logits', 'F32', [count, classes]);
      const features = Object.fromEntries((detail.features ?? []).map(name => [name, readFeature(parts, name, count)]));
      return {kind: 'logits', count, logits, features};
    }
    case 'vector': {
      const dimensions = parts.take('vectors', ['F32'], [count]).shape[1] ?? 0;
      return {kind: 'vector', count, dimensions, vectors: parts.values('vectors', 'F32', [count, dimensions])};
    }
  }
}

function readFeature(parts: TensorParts, name: string, count: number): Feature {
  const {shape, data} = parts.take(`${FEATURE}${name}`, ['F32'], [count]);
  return {shape: shape.slice(1), values: data};
}

/** The tensors of a knowledge file, each checked as it is taken. */
export class TensorParts {
  readonly #path: string;
  readonly #tensors: TensorFile['tensors'];

  constructor(path: string, tensors: TensorFile['tensors']) {
    this.#path = path;
    this.#tensors = tensors;
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  /** A tensor of one of these types with these first dimensions. */
  take<D extends Dtype>(name: string, dtypes: readonly D[], first: readonly number[] = []): Tensor<D> {
    const tensor = this.#tensors.get(name);
    if (!tensor) throw this.misfit(`it has no tensor ${name}`);
    const {dtype, shape} = tensor;
    if (!dtypes.some(allowed => allowed === dtype)) {
      throw this.misfit(`tensor ${name} is of type ${dtype}, expected ${dtypes.join(' or ')}`);
    }
    if (first.some((length, dimension) => shape[dimension] !== length)) {
      throw this.misfit(`tensor ${name} has shape [${shape}], expected [${first}]`);
    }
    return tensor as Tensor<D>;
  }

  /** A tensor of exactly this shape. */
  values<D extends Dtype>(name: string, dtype: D, shape: readonly number[]): Tensor<D>['data'] {
    const tensor = this.take(name, [dtype], shape);
    if (tensor.shape.length === shape.length) return tensor.data;
    throw this.misfit(`tensor ${name} has shape [${tensor.shape}], expected [${shape}]`);
  }

  /** Class indices of exactly this shape, from `lowest` up. */
  indices(name: string, shape: readonly number[], lowest: number, classes: number): Int32Array {
    const values = this.values(name, 'I32', shape);
    const strange = values.find(index => index < lowest || index >= classes);
    if (strange !== undefined) throw this.misfit(`tensor ${name} names class ${strange} of ${classes}`);
    return values;
  }

  /** The error for a file whose parts don't fit together. */
  misfit(problem: string): KnowledgeError {
    return new KnowledgeError(
      `${this.#path} can't be loaded as knowledge: ${problem}. Collect it again, or make the file anew.`,
    );
  }
}
