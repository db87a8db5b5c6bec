import {z} from 'zod';
import {TeacherError} from '../src/errors.ts';
import type {Answer, Outcome, Receipt, Reply} from '../src/teacher.ts';
import {parseJson} from './_reply.ts';

/** Which of a service's outputs is read, and what it means. */
export type ScoreOutput =
  | {readonly logits: string}
  | {readonly logProbabilities: string}
  | {readonly probabilities: string}
  | {readonly topK: {readonly classes: string; readonly logProbabilities: string; readonly k: number}};

/** An output of labels: class indices, or names out of `classes`. */
export interface LabelOutput {
  readonly label: string;
}

/** How far probabilities may be from a sum of 1. */
const tolerance = 1e-3;

/** Probabilities below this are taken for it, so that every log-probability is finite. */
const leastProbability = 1e-38;

const replySchema = z.object({
  model_name: z.string().nullish(),
  model_version: z.string().nullish(),
  outputs: z.array(
    z.object({
      name: z.string(),
      shape: z.array(z.number().int().min(0)),
      data: z.custom<readonly unknown[]>(Array.isArray),
    }),
  ),
});

type InferReply = z.infer<typeof replySchema>;

/** An output tensor, its data flat. */
interface Tensor {
  readonly shape: readonly number[];
  readonly data: readonly unknown[];
}

/** Reads the answer to one question of a batch, or says why it can't be used. */
type RowReader = (row: number) => Answer | string;

/** The names of the outputs to ask for. */
export function outputNames(output: ScoreOutput | LabelOutput): readonly string[] {
  if ('topK' in output) return [output.topK.classes, output.topK.logProbabilities];
  return Object.values(output) as string[];
}

export interface ReaderOptions {
  /** The teacher's name, for messages. */
  readonly name: string;
  readonly output: ScoreOutput | LabelOutput;
  readonly classes: readonly string[];
}

/**
 * Reads a reply with status 200 to `count` questions. What is wrong with one row is that row's error.
 *
 * @throws TeacherError where the reply as a whole is not what was asked for
 */
export type ReplyReader = (reply: Reply, count: number) => readonly Outcome[];

/** What reads the replies about one model. */
export function replyReader({name, output, classes}: ReaderOptions): ReplyReader {
  const rowsOf = rowReader(output, classes);
  const fail = (problem: string): TeacherError => new TeacherError(name, problem, {status: 200, unreadable: true});
  return (reply, count) => {
    const parsed = parseReply(name, reply);
    if (!parsed) throw fail('Its reply is not one of the Open Inference Protocol. Check `url`.');
    const tensors = new Map(parsed.outputs.map(({name, shape, data}) => [name, {shape, data: flat(data)}]));
    const read = rowsOf((tensor, width) => {
      const found = takeTensor(tensors, {tensor, count, width});
      if (typeof found === 'string') throw fail(found);
      return found;
    });
    return Array.from({length: count}, (_, row): Outcome => {
      const answer = read(row);
      return typeof answer === 'string' ? {error: fail(answer)} : ({answer} as Outcome);
    });
  };
}

/** Which model a reply says has answered. Never throws. */
export function receiptOf(reply: Reply): Receipt {
  try {
    const {model_name: model, model_version: fingerprint} = parseReply('', reply) ?? {};
    return {...(model && {model}), ...(fingerprint && {fingerprint})};
  } catch {
    return {};
  }
}

/** A reply is read for its answers and for its receipt, and parsed once. */
const parsedReplies = new WeakMap<Reply, InferReply>();

function parseReply(name: string, reply: Reply): InferReply | undefined {
  const known = parsedReplies.get(reply);
  if (known) return known;
  const {data} = replySchema.safeParse(parseJson(name, reply));
  if (data) parsedReplies.set(reply, data);
  return data;
}

function flat(data: readonly unknown[]): readonly unknown[] {
  return data.some(Array.isArray) ? data.flat(Number.POSITIVE_INFINITY) : data;
}

/** Takes an output of `width` values a row out of a reply. */
type Take = (tensor: string, width: number) => Tensor;

function rowReader(output: ScoreOutput | LabelOutput, classes: readonly string[]): (take: Take) => RowReader {
  const labels = labelReader(classes);
  if ('label' in output) return take => labels(take(output.label, 1));
  if ('topK' in output) {
    const k = Math.min(output.topK.k, classes.length);
    return take => topK(labels(take(output.topK.classes, k)), numbers(take(output.topK.logProbabilities, k), k), k);
  }
  const [meaning, tensor] = Object.entries(output)[0] as [keyof typeof scores, string];
  return take => {
    const values = numbers(take(tensor, classes.length), classes.length);
    return row => scores[meaning](values(row));
  };
}

/** The tensor, or why it is not the one that was asked for. */
function takeTensor(
  tensors: ReadonlyMap<string, Tensor>,
  {tensor, count, width}: {readonly tensor: string; readonly count: number; readonly width: number},
): Tensor | string {
  const found = tensors.get(tensor);
  if (found === undefined) {
    const present = [...tensors.keys()].join(', ');
    return `Its reply has no output \`${tensor}\`, but ${present}. Name one of these in \`output\`.`;
  }
  const {shape, data} = found;
  const size = shape.reduce((product, length) => product * length, 1);
  if (shape[0] === count && size === count * width && data.length === size) return found;
  return `Output \`${tensor}\` has shape [${shape.join(', ')}] and ${data.length} values, not [${count}, ${width}]. Check \`output\` and \`classes\`.`;
}

/** Rows of numbers; NaN where a value is none. */
function numbers({data}: Tensor, width: number): (row: number) => readonly number[] {
  return row =>
    data.slice(row * width, (row + 1) * width).map(value => (typeof value === 'number' ? value : Number.NaN));
}

/** Single class indices, whether they come as indices or as names. `at` counts through the whole tensor. */
type LabelReader = (tensor: Tensor) => (at: number) => (Answer & {kind: 'label'}) | string;

function labelReader(classes: readonly string[]): LabelReader {
  const indices = new Map(classes.map((name, index) => [name, index]));
  return ({data}) =>
    at => {
      const value = data[at];
      const label = typeof value === 'string' ? indices.get(value) : value;
      if (typeof label === 'number' && Number.isInteger(label) && label >= 0 && label < classes.length) {
        return {kind: 'label', label};
      }
      return `It gave a label outside the class list of ${classes.length}. Check \`classes\`, names and order.`;
    };
}

const scores = {
  logits: (values: readonly number[]): Answer | string => {
    if (!values.every(Number.isFinite)) return notFinite;
    return {kind: 'logits', logits: Float32Array.from(values), features: {}};
  },
  logProbabilities: (values: readonly number[]): Answer | string => {
    if (values.some(Number.isNaN)) return notFinite;
    return distribution(values);
  },
  probabilities: (values: readonly number[]): Answer | string => {
    if (!values.every(Number.isFinite)) return notFinite;
    if (values.some(value => value < 0)) return 'It gave a negative probability. Are these logits?';
    return distribution(values.map(Math.log));
  },
};

const notFinite = 'It gave NaN or an infinite value.';

function distribution(logs: readonly number[]): Answer | string {
  const total = massOf(logs);
  if (Math.abs(total - 1) > tolerance) {
    return `Its probabilities sum to ${total.toPrecision(4)}, not 1. Check what \`output\` says they are.`;
  }
  return {kind: 'log-probabilities', logProbabilities: floored(logs)};
}

function topK(labelAt: ReturnType<LabelReader>, valuesOf: ReturnType<typeof numbers>, k: number): RowReader {
  return row => {
    const values = valuesOf(row);
    if (values.some(Number.isNaN)) return notFinite;
    const named = values.map((value, place) => ({value, answer: labelAt(row * k + place)}));
    const outside = named.find(({answer}) => typeof answer === 'string');
    if (outside) return outside.answer;
    named.sort((a, b) => b.value - a.value);
    const classes = Int32Array.from(named, ({answer}) => (answer as {label: number}).label);
    if (new Set(classes).size !== k) return 'It named a class twice among its most probable.';
    const total = massOf(values);
    if (total > 1 + tolerance) return `Its most probable classes have a mass of ${total.toPrecision(4)}, above 1.`;
    const logProbabilities = floored(named.map(({value}) => value));
    return {kind: 'top-k', classes, logProbabilities, rest: Math.max(0, 1 - total)};
  };
}

function massOf(logs: readonly number[]): number {
  return logs.reduce((sum, value) => sum + Math.exp(value), 0);
}

/** From log(1e-38) to 0: rounding may leave a probability a little above 1. */
function floored(logs: readonly number[]): Float32Array {
  return Float32Array.from(logs, value => Math.min(0, Math.max(value, Math.log(leastProbability))));
}
