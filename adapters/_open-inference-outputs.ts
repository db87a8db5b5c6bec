import {z} from 'zod';
import {TeacherError} from '../src/errors.ts';
import type {Answer} from '../src/teacher.ts';

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
  outputs: z.array(
    z.object({
      name: z.string(),
      shape: z.array(z.number().int().min(0)),
      data: z.custom<readonly unknown[]>(Array.isArray),
    }),
  ),
});

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

export interface ReadOptions {
  /** The teacher's name, for messages. */
  readonly name: string;
  readonly output: ScoreOutput | LabelOutput;
  readonly classes: readonly string[];
  /** How many questions were asked. */
  readonly count: number;
}

/**
 * Reads a reply of the protocol. What is wrong with one row is said of that row, as a string.
 *
 * @throws TeacherError where the reply as a whole is not what was asked for
 */
export function readReply(reply: unknown, options: ReadOptions): readonly (Answer | string)[] {
  const parsed = replySchema.safeParse(reply);
  if (!parsed.success) {
    throw new TeacherError(options.name, 'Its reply is not one of the Open Inference Protocol. Check `url`.');
  }
  const tensors = new Map(
    parsed.data.outputs.map(({name, shape, data}) => [name, {shape, data: data.flat(Number.POSITIVE_INFINITY)}]),
  );
  const read = rowReader(tensors, options);
  return Array.from({length: options.count}, (_, row) => read(row));
}

function rowReader(tensors: ReadonlyMap<string, Tensor>, {name, output, classes, count}: ReadOptions): RowReader {
  const take = (tensor: string, width: number): Tensor => takeTensor(tensors, {name, tensor, count, width});
  if ('label' in output) return labels(take(output.label, 1), classes);
  if ('topK' in output) {
    const k = Math.min(output.topK.k, classes.length);
    const indices = labels(take(output.topK.classes, k), classes);
    return topK(indices, numbers(take(output.topK.logProbabilities, k), k), k);
  }
  const [meaning, tensor] = Object.entries(output)[0] as [keyof typeof scores, string];
  const values = numbers(take(tensor, classes.length), classes.length);
  return row => scores[meaning](values(row));
}

function takeTensor(
  tensors: ReadonlyMap<string, Tensor>,
  wanted: {readonly name: string; readonly tensor: string; readonly count: number; readonly width: number},
): Tensor {
  const {name, tensor, count, width} = wanted;
  const found = tensors.get(tensor);
  if (found === undefined) {
    throw new TeacherError(
      name,
      `Its reply has no output \`${tensor}\`, but ${[...tensors.keys()].join(', ')}. Name one of these in \`output\`.`,
    );
  }
  const {shape, data} = found;
  const size = shape.reduce((product, length) => product * length, 1);
  if (shape[0] === count && size === count * width && data.length === size) return found;
  throw new TeacherError(
    name,
    `Output \`${tensor}\` has shape [${shape.join(', ')}] and ${data.length} values, not [${count}, ${width}]. Check \`output\` and \`classes\`.`,
  );
}

/** Rows of numbers; NaN where a value is none. */
function numbers({data}: Tensor, width: number): (row: number) => readonly number[] {
  return row =>
    data.slice(row * width, (row + 1) * width).map(value => (typeof value === 'number' ? value : Number.NaN));
}

/** Single class indices, whether they come as indices or as names. `at` counts through the whole tensor. */
function labels({data}: Tensor, classes: readonly string[]): (at: number) => (Answer & {kind: 'label'}) | string {
  const indices = new Map(classes.map((name, index) => [name, index]));
  return at => {
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

function topK(labelAt: ReturnType<typeof labels>, valuesOf: ReturnType<typeof numbers>, k: number): RowReader {
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
