import {z} from 'zod';
import type {Inputs} from '../data/inputs.ts';
import type {Detail, Feature, TensorInput} from '../teacher.ts';
import type {Answers} from './answers.ts';
import type {Knowledge} from './knowledge.ts';
import {type Dtype, readTensors, type Tensor, writeTensors} from './safetensors.ts';
import {TensorParts} from './tensor-parts.ts';

const FORMAT = 'limbeck.knowledge/1';
const FEATURE = 'features/';

/**
 * Saves knowledge as one file in the safetensors format. The file takes the place of an older one in one step.
 *
 * Its tensors: `inputs` [count, ...shape], or `texts` (UTF-8, one after the other) with `texts.offsets` [count + 1];
 * and by what the answers hold `labels`, `counts`, `classes`, `log_probabilities`, `rest`, `logits`,
 * `features/<layer>`, each with one row an input. Its metadata: `format`, and as JSON `source`, `classes`, `detail`.
 *
 * @throws KnowledgeError where it can't be written
 */
export async function saveKnowledge(path: string, knowledge: Knowledge): Promise<void> {
  const {source, classes, detail, inputs, answers} = knowledge;
  const tensors = new Map([...inputTensors(inputs), ...answerTensors(answers, classes.length)]);
  const metadata = {
    format: FORMAT,
    source: JSON.stringify(source),
    classes: JSON.stringify(classes),
    detail: JSON.stringify(detail),
  };
  await writeTensors(path, {metadata, tensors});
}

/**
 * Loads what `saveKnowledge` saved, or a file of that form made elsewhere.
 *
 * @throws KnowledgeError, with the path, where the file can't be read or its parts don't fit together
 */
export async function loadKnowledge(path: string): Promise<Knowledge> {
  const file = await readTensors(path);
  const parts = new TensorParts(path, file.tensors);
  const metadata = Metadata.safeParse(file.metadata);
  if (!metadata.success) throw parts.misfit(`its metadata is not valid:\n${z.prettifyError(metadata.error)}`);
  const {source, classes, detail} = metadata.data;
  const inputs = readInputs(parts);
  return {source, classes, detail, inputs, answers: readAnswers(parts, detail, inputs.count, classes.length)};
}

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
  z.object({kind: z.literal('top-k'), k: z.int().positive()}),
  z.object({kind: z.literal('log-probabilities')}),
  z.object({kind: z.literal('logits'), features: z.array(z.string()).exactOptional()}),
]);

const Metadata = z.object({
  format: z.literal(FORMAT),
  source: fromJson(
    z.object({
      access: z.enum(['black-box', 'gray-box', 'white-box', 'truth']),
      identity: z.record(z.string(), z.json()),
    }),
  ),
  classes: fromJson(z.array(z.string()).nonempty()),
  detail: fromJson(DetailSchema),
});

const DTYPES = {uint8: 'U8', int32: 'I32', float32: 'F32'} as const satisfies Record<TensorInput['dtype'], Dtype>;

type NamedTensor = readonly [name: string, tensor: Tensor];

function inputTensors(inputs: Inputs): NamedTensor[] {
  const {count} = inputs;
  if (inputs.kind === 'tensor') {
    const {dtype, shape, data} = inputs;
    return [['inputs', {dtype: DTYPES[dtype], shape: [count, ...shape], data} as Tensor]];
  }
  const texts = inputs.texts.map(text => Buffer.from(text));
  const offsets = new BigInt64Array(count + 1);
  for (const [index, {length}] of texts.entries()) offsets[index + 1] = offsets[index]! + BigInt(length);
  const data = Buffer.concat(texts);
  return [
    ['texts', {dtype: 'U8', shape: [data.length], data}],
    ['texts.offsets', {dtype: 'I64', shape: [count + 1], data: offsets}],
  ];
}

function answerTensors(answers: Answers, classes: number): NamedTensor[] {
  const {count} = answers;
  const floats = (data: Float32Array, ...shape: number[]): Tensor => ({dtype: 'F32', shape: [count, ...shape], data});
  switch (answers.kind) {
    case 'label':
      return [['labels', {dtype: 'I32', shape: [count], data: answers.labels}]];
    case 'votes':
      return [['counts', {dtype: 'U32', shape: [count, classes], data: answers.counts}]];
    case 'top-k':
      return [
        ['classes', {dtype: 'I32', shape: [count, answers.k], data: answers.classes}],
        ['log_probabilities', floats(answers.logProbabilities, answers.k)],
        ['rest', floats(answers.rest)],
      ];
    case 'log-probabilities':
      return [['log_probabilities', floats(answers.logProbabilities, classes)]];
    case 'logits': {
      const features = Object.entries(answers.features).map(([name, {shape, values}]): NamedTensor => {
        return [`${FEATURE}${name}`, floats(values, ...shape)];
      });
      return [['logits', floats(answers.logits, classes)], ...features];
    }
  }
}

function readInputs(parts: TensorParts): Inputs {
  if (parts.has('texts')) return readTexts(parts);
  const {
    dtype,
    shape: [count, ...shape],
    data,
  } = parts.take('inputs', ['U8', 'I32', 'F32']);
  if (count === undefined) throw parts.misfit('tensor inputs has no dimensions');
  const names = Object.keys(DTYPES) as TensorInput['dtype'][];
  return {kind: 'tensor', dtype: names.find(name => DTYPES[name] === dtype)!, shape, count, data};
}

function readTexts(parts: TensorParts): Inputs {
  const {data} = parts.take('texts', ['U8']);
  const offsets = Array.from(parts.take('texts.offsets', ['I64']).data, Number);
  const ordered = offsets.every((offset, index) => offset >= (offsets[index - 1] ?? 0));
  if (offsets[0] !== 0 || offsets.at(-1) !== data.length || !ordered) {
    throw parts.misfit(`texts.offsets must rise from 0 to ${data.length}`);
  }
  const decoder = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true});
  const texts = offsets.slice(1).map((end, index) => {
    try {
      return decoder.decode(data.subarray(offsets[index], end));
    } catch {
      throw parts.misfit(`text ${index} is not UTF-8`);
    }
  });
  return {kind: 'text', count: texts.length, texts};
}

function readAnswers(parts: TensorParts, detail: Detail, count: number, classes: number): Answers {
  switch (detail.kind) {
    case 'label':
      return {kind: 'label', count, labels: parts.indices('labels', [count], 0, classes)};
    case 'votes':
      return {kind: 'votes', count, counts: parts.values('counts', 'U32', [count, classes])};
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
  }
}

function readFeature(parts: TensorParts, name: string, count: number): Feature {
  const {shape, data} = parts.take(`${FEATURE}${name}`, ['F32'], [count]);
  return {shape: shape.slice(1), values: data};
}
