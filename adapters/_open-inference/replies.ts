import {z} from 'zod';
import {TeacherError} from '../../src/errors.ts';
import type {Answer, LabelAnswer, Outcome, Receipt, Reply} from '../../src/teacher.ts';
import {isUnread, type LabelWords, labelReader, type Unread, unreadError} from '../_answers/labels.ts';
import {fullAnswer, type ScoreMeaning, topKAnswer} from '../_answers/scores.ts';
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
type RowReader = (row: number) => Answer | Unread;

/** The names of the outputs to ask for. */
export function outputNames(output: ScoreOutput | LabelOutput): readonly string[] {
  if ('topK' in output) return [output.topK.classes, output.topK.logProbabilities];
  return Object.values(output) as string[];
}

interface ReaderOptions extends LabelWords {
  /** The teacher's name, for messages. */
  readonly name: string;
  readonly output: ScoreOutput | LabelOutput;
}

/**
 * Reads a reply with status 200 to `count` queries. A problem with one row is that row's error.
 *
 * @throws TeacherError if the reply as a whole is not what was asked for
 */
export type ReplyReader = (reply: Reply, count: number) => readonly Outcome[];

/** Returns the reader of replies about one model. */
export function replyReader({name, output, ...words}: ReaderOptions): ReplyReader {
  const rowsOf = rowReader(output, words);
  const fail = (problem: string): TeacherError => new TeacherError(name, problem, {status: 200, unreadable: true});
  return (reply, count) => {
    const parsed = parseReply(name, reply);
    if (!parsed) throw fail('Its reply is not one of the Open Inference Protocol. Check `url`.');
    const read = rowsOf((tensor, width) => {
      const found = takeTensor(parsed.outputs, {tensor, count, width});
      if (typeof found === 'string') throw fail(found);
      return found;
    });
    return Array.from({length: count}, (_, row): Outcome => {
      const answer = read(row);
      if (isUnread(answer)) return {error: unreadError(name, answer, {status: 200, unreadable: true})};
      return {answer} as Outcome;
    });
  };
}

/** Takes an output of `width` values per row out of a reply. */
type Take = (tensor: string, width: number) => Tensor;

function rowReader(output: ScoreOutput | LabelOutput, words: LabelWords): (take: Take) => RowReader {
  const {classes} = words;
  const labelOf = labelReader(words);
  if ('label' in output) {
    return take => {
      const {data} = take(output.label, 1);
      return row => labelOf(data[row]);
    };
  }
  if ('topK' in output) {
    const {topK} = output;
    const k = Math.min(topK.k, classes.length);
    return take => {
      const labels = rowsOf(take(topK.classes, k), k);
      const values = numbers(take(topK.logProbabilities, k), k);
      return row => topKOf(labels(row).map(labelOf), values(row));
    };
  }
  const [kind, tensor] = Object.entries(output)[0] as [keyof typeof MEANINGS, string];
  return take => {
    const values = numbers(take(tensor, classes.length), classes.length);
    return row => fullAnswer(MEANINGS[kind], values(row));
  };
}

const MEANINGS = {
  logits: 'logits',
  logProbabilities: 'log-probabilities',
  probabilities: 'probabilities',
} as const satisfies Record<string, ScoreMeaning>;

function topKOf(named: readonly (LabelAnswer | Unread)[], values: readonly number[]): Answer | Unread {
  const labels: number[] = [];
  for (const answer of named) {
    if (isUnread(answer)) return answer;
    labels.push(answer.label);
  }
  return topKAnswer('log-probabilities', labels, values);
}

/** Returns the tensor, or the reason that it is not the one that was asked for. */
function takeTensor(
  outputs: readonly Tensor[],
  {tensor, count, width}: {readonly tensor: string; readonly count: number; readonly width: number},
): Tensor | string {
  const found = outputs.findLast(({name}) => name === tensor);
  if (found === undefined) {
    const present = outputs.map(({name}) => name).join(', ');
    return `Its reply has no output \`${tensor}\`, but ${present}. Name one of these in \`output\`.`;
  }
  const {shape, data} = found;
  const size = shape.reduce((product, length) => product * length, 1);
  if (shape[0] === count && size === count * width && data.length === size) return found;
  return `Output \`${tensor}\` has shape [${shape.join(', ')}] and ${data.length} values, not [${count}, ${width}]. Check \`output\` and \`classes\`.`;
}

function rowsOf({data}: Tensor, width: number): (row: number) => readonly unknown[] {
  return row => data.slice(row * width, (row + 1) * width);
}

/** Returns rows of numbers. A value that is no number becomes NaN. */
function numbers(tensor: Tensor, width: number): (row: number) => readonly number[] {
  const rows = rowsOf(tensor, width);
  return row => rows(row).map(value => (typeof value === 'number' ? value : Number.NaN));
}
