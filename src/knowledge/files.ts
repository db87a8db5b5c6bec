import type {Inputs, TensorInputs} from '../data/inputs.ts';
import {recordJson} from '../input-kinds.ts';
import {withoutSecrets} from '../secrets.ts';
import type {Answers} from './answers.ts';
import type {Knowledge} from './knowledge.ts';
import {
  checkRowsFit,
  DTYPES,
  FEATURE,
  FORMAT,
  type ListName,
  readAnswers,
  readHead,
  readInputs,
  TensorParts,
} from './read-parts.ts';
import {readTensors, type Tensor, type TensorFile, tensorBytes, writeTensors} from './safetensors.ts';

/**
 * Saves knowledge as one file in the safetensors format. The file replaces an older one atomically.
 *
 * Tensors: `inputs` [count, ...shape], or `texts` (UTF-8, one after another) with `texts.offsets` [count + 1]. Images are
 * kept in the same way as `images` (their files), and records as `records` (their JSON).
 * Depending on the answers `labels`, `counts`, `classes`, `log_probabilities`, `rest`, `logits`, `features/<layer>`, `vectors`,
 * each with one row per input. Metadata: `format`; as JSON `source`, `classes` and `detail`; `question` if the teacher has
 * several; `versions` if each input
 * has several; `calibration_inputs` if some inputs were set apart; and `unanswered` if the teacher left some without an
 * answer.
 *
 * @throws KnowledgeError if it can't be written
 */
export async function saveKnowledge(path: string, knowledge: Knowledge): Promise<void> {
  await writeTensors(path, contentOf(knowledge));
}

/** What `saveKnowledge` writes, in pieces. */
export function knowledgeBytes(knowledge: Knowledge): readonly Uint8Array[] {
  return tensorBytes(contentOf(knowledge));
}

function contentOf(knowledge: Knowledge): TensorFile {
  const {
    source,
    classes,
    question,
    detail,
    inputs,
    answers,
    versions = 1,
    calibrationInputs,
    unanswered = 0,
  } = knowledge;
  const tensors = new Map([...inputTensors(inputs), ...answerTensors(answers, classes.length)]);
  const metadata = {
    format: FORMAT,
    source: withoutSecrets(JSON.stringify(source)),
    classes: JSON.stringify(classes),
    detail: JSON.stringify(detail),
    ...(question && {question: JSON.stringify(question)}),
    ...(versions > 1 && {versions: JSON.stringify(versions)}),
    ...(calibrationInputs && {calibration_inputs: JSON.stringify(calibrationInputs)}),
    ...(unanswered > 0 && {unanswered: JSON.stringify(unanswered)}),
  };
  return {metadata, tensors};
}

/**
 * Loads a file that `saveKnowledge` saved, or a file of that form made elsewhere.
 *
 * @throws KnowledgeError, with the path, if the file can't be read or its parts don't fit together
 */
export async function loadKnowledge(path: string): Promise<Knowledge> {
  const file = await readTensors(path);
  const parts = new TensorParts(path, file.tensors);
  const head = readHead(parts, file.metadata);
  const inputs = readInputs(parts);
  checkRowsFit(parts, inputs.count, head);
  return {...head, inputs, answers: readAnswers(parts, head.detail, inputs.count, head.classes.length)};
}

type NamedTensor = readonly [name: string, tensor: Tensor];

function inputTensors(inputs: Inputs): NamedTensor[] {
  const {count} = inputs;
  if (inputs.kind === 'tensor') {
    const {dtype, shape, data} = inputs;
    return [['inputs', {dtype: DTYPES[dtype], shape: [count, ...shape], data} as Tensor]];
  }
  const {name, parts} = partsOf(inputs);
  const offsets = new BigInt64Array(count + 1);
  for (const [index, {length}] of parts.entries()) offsets[index + 1] = offsets[index]! + BigInt(length);
  const data = Buffer.concat(parts);
  return [
    [name, {dtype: 'U8', shape: [data.length], data}],
    [`${name}.offsets`, {dtype: 'I64', shape: [count + 1], data: offsets}],
  ];
}

function partsOf(inputs: Exclude<Inputs, TensorInputs>): {name: ListName; parts: readonly Uint8Array[]} {
  switch (inputs.kind) {
    case 'text':
      return {name: 'texts', parts: inputs.texts.map(text => Buffer.from(text))};
    case 'image':
      return {name: 'images', parts: inputs.images.map(({bytes}) => bytes)};
    case 'record':
      return {name: 'records', parts: inputs.records.map(fields => Buffer.from(recordJson(fields)))};
  }
}

function answerTensors(answers: Answers, classes: number): NamedTensor[] {
  const {count} = answers;
  const floats = (data: Float32Array, ...shape: number[]): Tensor => ({dtype: 'F32', shape: [count, ...shape], data});
  switch (answers.kind) {
    case 'label':
      return [['labels', {dtype: 'I32', shape: [count], data: answers.labels}]];
    case 'votes':
      return [['counts', {dtype: 'U32', shape: [count, classes], data: answers.counts}]];
    case 'expected':
      return [['expected_levels', floats(answers.levels)]];
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
    case 'vector':
      return [['vectors', floats(answers.vectors, answers.dimensions)]];
  }
}
