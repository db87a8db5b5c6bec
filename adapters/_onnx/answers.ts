import {InputError, LimbeckError, TeacherError} from '../../src/errors.ts';
import type {Detail, Feature, LogitsAnswer, Outcome, Query} from '../../src/teacher.ts';
import {headFor, NO_QUESTION, partOf, widthProblem} from '../_answers/heads.ts';
import {isUnread, type Unread, unreadError} from '../_answers/labels.ts';
import {misread} from '../_answers/scores.ts';
import type {OnnxHead} from './model.ts';
import {type Feeds, type NumberTensor, numbersOf, type Session} from './runtime.ts';

/** How a model's outputs become answers. */
export interface AnswerReader {
  /** The teacher's name, for messages. */
  readonly name: string;
  readonly heads: readonly OnnxHead[];
}

/** What a model said about one input: the answer to each query about it. */
export type ModelAnswer = {readonly error: Error} | ((query: Query) => Outcome<'white-box'>);

/** Returns the feature of one row of a tensor, or the reason that there is none, in sentences. */
type FeatureReader = (tensor: NumberTensor, row: number) => Feature | string;

/** Returns a copy of a tensor's row. */
export function rowOf({shape: [rows = 1, ...shape], values}: NumberTensor, row: number): Feature {
  const size = values.length / rows;
  return {shape, values: values.slice(row * size, (row + 1) * size)};
}

interface RunOptions {
  readonly session: Session;
  /** Names of the tensors that are read as features. */
  readonly features: readonly string[];
  readonly featureOf: FeatureReader;
}

/**
 * Runs a model on `count` rows. `feeds` can hold more rows as padding.
 *
 * @throws TeacherError if the outputs have another number of rows
 */
export async function answersOf(
  reader: AnswerReader,
  {feeds, count}: {readonly feeds: Feeds; readonly count: number},
  {session, features, featureOf}: RunOptions,
): Promise<ModelAnswer[]> {
  const {heads, name} = reader;
  const given = await session.run(feeds, [...new Set([...heads.map(({tensor}) => tensor), ...features])]);
  const tensors = new Map<string, NumberTensor>();
  for (const [tensor, value] of Object.entries(given)) {
    const numbers = numbersOf(value);
    if (numbers === undefined) throw new TeacherError(name, `Tensor \`${tensor}\` of the model holds no numbers.`);
    tensors.set(tensor, numbers);
  }
  const [rows = 1] = Object.values(feeds)[0]!.dims;
  for (const head of heads) checkShape(name, head, tensors.get(head.tensor)!, rows);
  return Array.from({length: count}, (_, row): ModelAnswer => {
    return query => {
      const head = headFor(heads, query);
      if (head === undefined) return {error: new TeacherError(name, NO_QUESTION)};
      const logits = toLogits(head, rowOf(tensors.get(head.tensor)!, row).values);
      const answer =
        logits instanceof Float32Array ? withFeatures(logits, {features, tensors, featureOf, row, rows}) : logits;
      return isUnread(answer) ? {error: unreadError(name, answer, {})} : {answer};
    };
  });
}

function checkShape(name: string, head: OnnxHead, {shape, values}: NumberTensor, rows: number): void {
  const problem =
    shape[0] === rows ? widthProblem(head, values.length / rows) : `has no row for each of ${rows} inputs`;
  if (problem === undefined) return;
  throw new TeacherError(
    name,
    `Tensor \`${head.tensor}\` of shape [${shape.join(', ')}] ${problem}. Check \`output\`; for a model that takes one input at a time set \`maxBatch\` to 1.`,
  );
}

/**
 * Runs rows in one batch. If the runtime fails, it splits the batch in halves until the failing row is alone.
 *
 * @param name - the teacher's name, for messages
 */
export async function answersInHalves<T>(
  name: string,
  rows: readonly T[],
  answersTo: (rows: readonly T[]) => Promise<ModelAnswer[]>,
): Promise<ModelAnswer[]> {
  try {
    return await answersTo(rows);
  } catch (cause) {
    if (cause instanceof LimbeckError) throw cause;
    if (rows.length === 1) return [{error: runError(name, cause)}];
    const middle = Math.ceil(rows.length / 2);
    const first = await answersInHalves(name, rows.slice(0, middle), answersTo);
    return [...first, ...(await answersInHalves(name, rows.slice(middle), answersTo))];
  }
}

function runError(name: string, cause: unknown): TeacherError {
  const problem = cause instanceof Error ? cause.message.trim() : String(cause);
  return new TeacherError(name, `ONNX Runtime could not run the model on this input: ${problem}`, {cause});
}

/** @throws InputError if a feature is asked for that the teacher does not have */
export function askedFeatures(
  name: string,
  features: readonly string[],
  detail: Detail | undefined,
): readonly string[] {
  const asked = detail?.kind === 'logits' ? (detail.features ?? []) : [];
  const unknown = asked.find(feature => !features.includes(feature));
  if (unknown === undefined) return asked;
  throw new InputError(`Teacher ${name} has no feature \`${unknown}\`. Name it in its \`features\`.`);
}

/** The most that a sum of probabilities can differ from 1. */
const tolerance = 1e-3;

/** Smaller probabilities become this one, as for students in `src/student/forward.ts`. */
const leastProbability = 1e-8;

function toLogits(head: OnnxHead, row: Float32Array): Float32Array | Unread {
  const {kind, output, column} = head;
  const read = column === undefined ? row : row.subarray(column, column + 1);
  if (!read.every(Number.isFinite)) return `The model gave NaN or an infinite value in \`${output}\`.`;
  const part = partOf(head, row);
  if (typeof part === 'string') return part;
  if ('logits' in part) return part.logits;
  if (kind === 'logits') return part;
  const sum = part.reduce((total, value) => total + value, 0);
  if (part.some(value => value < 0) || Math.abs(sum - 1) > tolerance) {
    return misread(`\`${output}\` holds no probabilities: they sum to ${sum.toPrecision(4)}`, [...part]);
  }
  return part.map(value => Math.log(Math.max(value, leastProbability)));
}

interface FeatureRow {
  readonly features: readonly string[];
  readonly tensors: ReadonlyMap<string, NumberTensor>;
  readonly featureOf: FeatureReader;
  readonly row: number;
  /** The number of rows that were run. */
  readonly rows: number;
}

function withFeatures(
  logits: Float32Array,
  {features, tensors, featureOf, row, rows}: FeatureRow,
): LogitsAnswer | string {
  const read: Record<string, Feature> = {};
  for (const name of features) {
    const tensor = tensors.get(name)!;
    if (tensor.shape[0] !== rows)
      return `Feature \`${name}\` has shape [${tensor.shape.join(', ')}], not one row per input.`;
    const feature = featureOf(tensor, row);
    if (typeof feature === 'string') return `Feature \`${name}\`: ${feature}`;
    if (!feature.values.every(Number.isFinite)) return `Feature \`${name}\` holds NaN or an infinite value.`;
    read[name] = feature;
  }
  return {kind: 'logits', logits, features: read};
}

/** How the states of a text's tokens become one: their mean, or the state of the first or the last token. */
export type Pooling = 'mean' | 'first' | 'last';

/**
 * Reads features of texts, whose size must not depend on the text's length. [texts, width] is taken unchanged. [texts,
 * tokens, width] is pooled over the tokens of each text, without padding.
 *
 * @param lengths - tokens of each text
 */
export function pooledFeature(pooling: Pooling, lengths: readonly number[]): FeatureReader {
  const tokens = Math.max(...lengths);
  return (tensor, row) => {
    const {shape} = tensor;
    if (shape.length === 2) return rowOf(tensor, row);
    if (shape.length === 3 && shape[1] === tokens) return pooled(tensor, row, {pooling, length: lengths[row]!});
    return `its shape [${shape.join(', ')}] is neither [texts, width] nor [texts, tokens, width].`;
  };
}

function pooled(
  {shape, values}: NumberTensor,
  row: number,
  {pooling, length}: {readonly pooling: Pooling; readonly length: number},
): Feature {
  const [, tokens, width] = shape as [number, number, number];
  const stateOf = (token: number): Float32Array =>
    values.subarray((row * tokens + token) * width, (row * tokens + token + 1) * width);
  if (pooling !== 'mean') return {shape: [width], values: stateOf(pooling === 'first' ? 0 : length - 1).slice()};
  const sums = new Float64Array(width);
  for (let token = 0; token < length; token++) {
    const state = stateOf(token);
    for (let index = 0; index < width; index++) sums[index]! += state[index]!;
  }
  return {shape: [width], values: Float32Array.from(sums, sum => sum / length)};
}
