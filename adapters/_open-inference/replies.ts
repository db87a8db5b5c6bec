import {z} from 'zod';
import {TeacherError} from '../../src/errors.ts';
import type {Question} from '../../src/question.ts';
import type {Answer, LabelAnswer, Outcome, Receipt, Reply} from '../../src/teacher.ts';
import {type Head, headFor, NO_QUESTION, widthProblem} from '../_answers/heads.ts';
import {isUnread, type LabelWords, labelReader, type Unread, unreadError} from '../_answers/labels.ts';
import {expectedAnswer, questionReader} from '../_answers/questions.ts';
import {fullAnswer, type ScoreMeaning, topKAnswer} from '../_answers/scores.ts';
import {inputOfRows} from '../_wire/input-batches.ts';
import {parsedOnce, parseOnce} from '../_wire/reply.ts';
import {decodeResponse, PROTOBUF} from './protobuf.ts';
import {decodeRaw, type InferReply, type Tensor} from './tensors.ts';

/**
 * Parses a reply of the protocol: JSON, JSON followed by tensors as bytes, or a message of gRPC.
 *
 * @param name - the teacher's name, for messages
 * @returns undefined if it is something else
 * @throws TeacherError if it should be JSON and is not
 */
function parseReply(name: string, reply: Reply): InferReply | undefined {
  return parsedOnce(reply, whole => {
    const type = String(whole.headers['content-type']);
    if (type.startsWith(PROTOBUF)) return decodeResponse(Buffer.from(whole.body, 'base64'));
    return parseRest(name, whole, type.startsWith('application/octet-stream'));
  });
}

/** Returns the model that a reply names as its author. Never throws. */
export function receiptOf(reply: Reply): Receipt {
  try {
    const {model, version: fingerprint} = parseReply('', reply) ?? {};
    return {...(model && {model}), ...(fingerprint && {fingerprint})};
  } catch {
    return {};
  }
}

const replySchema = z.object({
  model_name: z.string().nullish(),
  model_version: z.string().nullish(),
  outputs: z.array(
    z.object({
      name: z.string(),
      datatype: z.string().optional(),
      shape: z.array(z.number().int().min(0)),
      parameters: z.object({binary_data_size: z.number().int().min(0).optional()}).nullish(),
      data: z.custom<readonly unknown[]>(Array.isArray).optional(),
    }),
  ),
});

const NO_BYTES = Buffer.alloc(0);

function parseRest(name: string, reply: Reply, isBinary: boolean): InferReply | undefined {
  const bytes = isBinary ? Buffer.from(reply.body, 'base64') : NO_BYTES;
  const headSize = Number(reply.headers[HEAD_SIZE] ?? bytes.length);
  const head = isBinary ? {...reply, body: bytes.toString('utf8', 0, headSize)} : reply;
  const {data: parsed} = replySchema.safeParse(parseOnce(name, head));
  if (!parsed) return undefined;
  const outputs: Tensor[] = [];
  let at = headSize;
  for (const {name, datatype = '', shape, parameters, data} of parsed.outputs) {
    const start = at;
    if (!data) at += parameters?.binary_data_size ?? 0;
    const values = data ? flat(data) : decodeRaw(bytes.subarray(start, at), datatype);
    if (!values || at > bytes.length) return undefined;
    outputs.push({name, shape, data: values});
  }
  return {model: parsed.model_name, version: parsed.model_version, outputs};
}

/** Header with the length of the JSON at the start of a body that goes on with bytes. */
export const HEAD_SIZE = 'inference-header-content-length';

function flat(data: readonly unknown[]): readonly unknown[] {
  return data.some(Array.isArray) ? data.flat(Number.POSITIVE_INFINITY) : data;
}

/** The output to read, and its kind. */
export type ScoreOutput =
  | {readonly logits: string}
  | {readonly logProbabilities: string}
  | {readonly probabilities: string}
  | {readonly topK: {readonly classes: string; readonly logProbabilities: string; readonly k: number}};

/** An output of labels: class indices, or names from `classes`. */
export interface LabelOutput {
  readonly label: string;
}

/** Reads the answer to one query of a batch, or returns the reason that it can't be used. */
type RowReader = (row: number, question?: Question) => Answer | Unread;

/** The kind of an output that answers a question. */
export type AnswerKind = 'logits' | 'logProbabilities' | 'probabilities' | 'label' | 'expected';

/** A part of a model's outputs that answers a question. */
export type AnswerHead = Head<AnswerKind>;

/** The names of the outputs to ask for. */
export function outputNames(output: ScoreOutput | LabelOutput): readonly string[] {
  if ('topK' in output) return [output.topK.classes, output.topK.logProbabilities];
  return Object.values(output) as string[];
}

interface ReaderOptions extends LabelWords {
  /** The teacher's name, for messages. */
  readonly name: string;
  /** The output of the classes, or of each question. */
  readonly output: ScoreOutput | LabelOutput | readonly AnswerHead[];
}

/**
 * Reads a reply with status 200 to `count` queries. A problem with one row is that row's error.
 *
 * @param questions - of each query, if the teacher has some
 * @throws TeacherError if the reply as a whole is not what was asked for
 */
export type ReplyReader = (
  reply: Reply,
  count: number,
  questions?: readonly (Question | undefined)[],
) => readonly Outcome[];

/** Returns the reader of replies about one model. */
export function replyReader({name, output, ...words}: ReaderOptions): ReplyReader {
  const heads = Array.isArray(output) ? (output as readonly AnswerHead[]) : undefined;
  const rowsOf = heads ? headReader(heads, words) : rowReader(output as ScoreOutput | LabelOutput, words);
  const fail = (problem: string): TeacherError => new TeacherError(name, problem, {status: 200, unreadable: true});
  return (reply, count, questions = []) => {
    const parsed = parseReply(name, reply);
    if (!parsed) throw fail('Its reply is not one of the Open Inference Protocol. Check `url`.');
    const inputs = heads && inputOfRows(reply, count);
    const read = rowsOf((tensor, problemWith) => {
      const found = takeTensor(parsed.outputs, {tensor, count: inputs ? inputs.at(-1)! + 1 : count, problemWith});
      if (typeof found === 'string') throw fail(found);
      return found;
    });
    return Array.from({length: count}, (_, row): Outcome => {
      const answer = read(inputs ? inputs[row]! : row, questions[row]);
      if (isUnread(answer)) return {error: unreadError(name, answer, {status: 200, unreadable: true})};
      return {answer} as Outcome;
    });
  };
}

/** Reads the answer to each question from its part of the outputs. */
function headReader(heads: readonly AnswerHead[], words: LabelWords): (take: Take) => RowReader {
  const readers = heads.map(head => partReader(head, words));
  return take => {
    const rows = heads.map(head => {
      const tensor = take(head.output, width => widthProblem(head, width));
      return rowsOf(tensor, tensor.data.length / tensor.shape[0]!);
    });
    return (input, question) => {
      const head = headFor(heads, {question});
      if (head === undefined) return NO_QUESTION;
      const index = heads.indexOf(head);
      return readers[index]!(rows[index]!(input));
    };
  };
}

/** Reads the answer to a question from one input's row of its output. */
function partReader(
  {question, kind, column, levels, classes}: AnswerHead,
  {aliases}: Pick<LabelWords, 'aliases'>,
): (row: readonly unknown[]) => Answer | Unread {
  if (kind === 'expected') return row => expectedAnswer(row[column ?? 0], levels!, classes);
  const read = questionReader(question!, {...(kind !== 'label' && {scores: MEANINGS[kind]}), aliases});
  return row => {
    const part = column === undefined ? row : row.slice(column, column + 1);
    return read(part.length === 1 ? part[0] : part);
  };
}

/** Takes an output out of a reply, if nothing is wrong with its number of values per row. */
type Take = (tensor: string, problemWith: (width: number) => string | undefined) => Tensor;

function rowReader(output: ScoreOutput | LabelOutput, words: LabelWords): (take: Take) => RowReader {
  const {classes} = words;
  const labelOf = labelReader(words);
  if ('label' in output) {
    return take => {
      const {data} = take(output.label, exactly(1));
      return row => labelOf(data[row]);
    };
  }
  if ('topK' in output) {
    const {topK} = output;
    const k = Math.min(topK.k, classes.length);
    return take => {
      const labels = rowsOf(take(topK.classes, exactly(k)), k);
      const values = numbers(take(topK.logProbabilities, exactly(k)), k);
      return row => topKOf(labels(row).map(labelOf), values(row));
    };
  }
  const [kind, tensor] = Object.entries(output)[0] as [keyof typeof MEANINGS, string];
  return take => {
    const values = numbers(take(tensor, exactly(classes.length)), classes.length);
    return row => fullAnswer(MEANINGS[kind], values(row));
  };
}

const MEANINGS: Readonly<Record<Exclude<AnswerKind, 'label' | 'expected'>, ScoreMeaning>> = {
  logits: 'logits',
  logProbabilities: 'log-probabilities',
  probabilities: 'probabilities',
};

function topKOf(named: readonly (LabelAnswer | Unread)[], values: readonly number[]): Answer | Unread {
  const labels: number[] = [];
  for (const answer of named) {
    if (isUnread(answer)) return answer;
    labels.push(answer.label);
  }
  return topKAnswer('log-probabilities', labels, values);
}

/** A clause if the width is another one. */
function exactly(width: number): (found: number) => string | undefined {
  return found => (found === width ? undefined : `gives ${found} values for each input, not ${width}`);
}

/** Returns the tensor, or the reason that it is not the one that was asked for. */
function takeTensor(
  outputs: readonly Tensor[],
  {
    tensor,
    count,
    problemWith,
  }: {readonly tensor: string; readonly count: number; readonly problemWith: Parameters<Take>[1]},
): Tensor | string {
  const found = outputs.findLast(({name}) => name === tensor);
  if (found === undefined) {
    const present = outputs.map(({name}) => name).join(', ');
    return `Its reply has no output \`${tensor}\`, but ${present}. Name one of these in \`output\`.`;
  }
  const {shape, data} = found;
  const size = shape.reduce((product, length) => product * length, 1);
  const isWhole = shape[0] === count && data.length === size;
  const problem = isWhole ? problemWith(size / count) : `has ${data.length} values for ${count} inputs`;
  if (problem === undefined) return found;
  return `Output \`${tensor}\` of shape [${shape.join(', ')}] ${problem}. Check \`output\` and \`classes\`.`;
}

function rowsOf({data}: Tensor, width: number): (row: number) => readonly unknown[] {
  return row => data.slice(row * width, (row + 1) * width);
}

/** Returns rows of numbers. A value that is no number becomes NaN. */
function numbers(tensor: Tensor, width: number): (row: number) => readonly number[] {
  const rows = rowsOf(tensor, width);
  return row => rows(row).map(value => (typeof value === 'number' ? value : Number.NaN));
}
