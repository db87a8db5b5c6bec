import type {Answer, Detail} from '../../src/teacher.ts';
import {isUnread, type LabelReader, type LabelWords, type Misread, plainLabelReader, type Unread} from './labels.ts';

/**
 * Reads scores as programs write them. Adapters use it if no protocol of limbeck fixes the teacher's words.
 *
 * Each reader returns an answer, or the reason that there is none.
 */

/** The kind of scores. Log-probabilities use the natural logarithm. */
export type ScoreMeaning = 'logits' | 'log-probabilities' | 'probabilities' | 'percentages';

interface ScoreForm extends LabelWords {
  readonly meaning: ScoreMeaning;
  /**
   * The most classes that are named, if fewer than all. Not allowed for logits, whose missing mass is unknown.
   *
   * @default every class must be there
   */
  readonly topK?: number;
}

/** The detail of answers read in this form. */
export function scoreDetail({meaning, topK}: Pick<ScoreForm, 'meaning' | 'topK'>): Detail {
  if (topK !== undefined) return {kind: 'top-k', k: topK};
  return {kind: meaning === 'logits' ? 'logits' : 'log-probabilities'};
}

/**
 * Returns a reader of one answer's scores.
 *
 * Probabilities can be 1e-3 away from a sum of 1. Percentages can be away from 100 by the rounding of the digits that
 * they show, from 0.1 to 5, and are then scaled to 100. Probabilities below 1e-38 become 1e-38.
 *
 * If all classes are scored, the answer is the whole distribution. If fewer are scored and `topK` allows it, the answer
 * is the most probable classes and the rest of the mass.
 */
export function scoreReader({meaning, topK, ...words}: ScoreForm): (value: unknown) => Answer | Unread {
  const {classes} = words;
  const labelOf = plainLabelReader(words);
  return value => {
    const named = namedScores(value, labelOf, classes.length);
    if (typeof named === 'string' || 'problem' in named) return named;
    const {labels, values} = named;
    if (labels.length === classes.length) return fullAnswer(meaning, inClassOrder(labels, values));
    if (meaning === 'logits') return `It gave logits of ${labels.length} of ${classes.length} classes. All are needed.`;
    if (topK !== undefined && labels.length > 0) return topKAnswer(meaning, labels, values);
    return `It scored ${labels.length} of ${classes.length} classes. Make it score all, or say with \`topK\` how many.`;
  };
}

/** Reads one score for each class, in class order. */
export function fullAnswer(meaning: ScoreMeaning, values: readonly number[]): Answer | Unread {
  if (meaning === 'logits') {
    if (!values.every(Number.isFinite)) return notFinite;
    return {kind: 'logits', logits: Float32Array.from(values), features: {}};
  }
  const logs = logsOf(meaning, values);
  if (!isNumbers(logs)) return logs;
  const total = massOf(logs);
  if (Math.abs(total - 1) > tolerance) {
    return misread(`Its probabilities sum to ${total.toPrecision(4)}, not 1`, values);
  }
  return {kind: 'log-probabilities', logProbabilities: floored(logs)};
}

/**
 * Reads the scores of some classes.
 *
 * @param labels - the classes of the scores, in any order
 */
export function topKAnswer(
  meaning: Exclude<ScoreMeaning, 'logits'>,
  labels: readonly number[],
  values: readonly number[],
): Answer | Unread {
  if (new Set(labels).size !== labels.length) return namedTwice;
  const logs = logsOf(meaning, values, 'some');
  if (!isNumbers(logs)) return logs;
  const total = massOf(logs);
  if (total > 1 + tolerance) {
    return misread(`Its most probable classes have a mass of ${total.toPrecision(4)}, above 1`, values);
  }
  const named = labels.map((label, index) => ({label, log: logs[index]!})).sort((a, b) => b.log - a.log);
  return {
    kind: 'top-k',
    classes: Int32Array.from(named, ({label}) => label),
    logProbabilities: floored(named.map(({log}) => log)),
    rest: Math.max(0, 1 - total),
  };
}

function isNumbers(read: readonly number[] | Unread): read is readonly number[] {
  return Array.isArray(read);
}

/** The most that a sum of probabilities can differ from 1. */
const tolerance = 1e-3;

/** Smaller probabilities become this one, so that every log-probability is finite. */
const leastProbability = 1e-38;
const leastLog = Math.log(leastProbability);

const notFinite = 'It gave NaN or an infinite value.';
const namedTwice = 'It named a class twice among its most probable.';

/** Returns natural log-probabilities, or the problem with the values. */
function logsOf(
  meaning: Exclude<ScoreMeaning, 'logits'>,
  values: readonly number[],
  which: 'all' | 'some' = 'all',
): readonly number[] | Unread {
  if (meaning === 'log-probabilities') return values.some(Number.isNaN) ? notFinite : values;
  if (!values.every(Number.isFinite)) return notFinite;
  if (values.some(value => value < 0)) return misread('It gave a negative probability', values);
  if (meaning === 'probabilities') return values.map(Math.log);
  const total = values.reduce((sum, value) => sum + value, 0);
  const slack = roundingOf(values);
  const isOff = which === 'all' ? Math.abs(total - 100) > slack : total > 100 + slack;
  if (isOff) return misread(`Its percentages sum to ${total.toPrecision(4)}, not 100`, values);
  const whole = which === 'all' ? total : Math.max(100, total);
  return values.map(value => Math.log(value / whole));
}

/** The most that a sum of percentages can differ through rounding: half of the last digit shown, per percentage. */
function roundingOf(values: readonly number[]): number {
  const decimals = Math.max(...values.map(value => /\.(\d+)$/.exec(String(value))?.[1]?.length ?? 0));
  return Math.min(5, Math.max(0.1, (values.length / 2) * 10 ** -decimals));
}

function massOf(logs: readonly number[]): number {
  return logs.reduce((sum, value) => sum + Math.exp(value), 0);
}

/** Clamps to log(1e-38) and 0, because rounding can leave a probability slightly above 1. */
function floored(logs: readonly number[]): Float32Array {
  const values = new Float32Array(logs.length);
  for (const [index, value] of logs.entries()) values[index] = Math.min(0, Math.max(value, leastLog));
  return values;
}

/**
 * Returns a problem with a row of scores, and what the scores seem to be.
 *
 * @param problem - without its full stop
 */
export function misread(problem: string, values: readonly number[]): Misread {
  return {problem: `${problem}. ${adviceOn(values)}`, misread: true};
}

/** The most by which a sum can differ from the whole. */
const SLACK = 2e-3;

function adviceOn(values: readonly number[]): string {
  const isWhole = (sum: number, whole = 1) => Math.abs(sum - whole) <= SLACK * whole;
  const total = sumOf(values);
  if (values.every(value => value <= 0) && isWhole(sumOf(values.map(Math.exp)))) {
    return 'These are log-probabilities. Declare them as such.';
  }
  if (values.some(value => value < 0)) return 'These look like logits. Declare them as `logits`.';
  if (isWhole(total)) return 'These are probabilities. Declare them as `probabilities`.';
  if (isWhole(total, 100)) return 'These are percentages. Declare them as `percentages`.';
  if (values.every(value => value <= 1)) {
    return 'Each is between 0 and 1, as of a classifier that scores each class by itself: have the service normalise them.';
  }
  return 'These look like logits. Declare them as `logits`.';
}

export function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/**
 * Scores in any of five common shapes:
 *
 * - `[0.1, 0.9]`, in class order;
 * - `{"ham": 0.1, "spam": 0.9}`;
 * - `[{"label": "spam", "score": 0.9}, …]`;
 * - `[["spam", 0.9], …]`;
 * - any of these as the one element of a list.
 *
 * A label in them is a class name or, if it is a number, a class index; see `plainLabelReader`. Shapes that name
 * classes can be in any order.
 */
export type Scores =
  | readonly number[]
  | Float32Array
  | Float64Array
  | {readonly [label: string]: number}
  | readonly {readonly label: string | number; readonly score: number}[]
  | readonly (readonly [label: string | number, score: number])[]
  | readonly [Scores];

/** Scores and their classes. A score that is not a number is NaN. */
interface NamedScores {
  readonly labels: readonly number[];
  readonly values: readonly number[];
}

/** Finds the scores and their classes in a value of any shape. */
function namedScores(value: unknown, labelOf: LabelReader, classes: number): NamedScores | Unread {
  const scores = unnested(value);
  if (isList(scores) && !scores.some(item => typeof item === 'object' && item !== null)) {
    const values = Array.from(scores, numberIn);
    if (values.length !== classes) return `It gave ${values.length} scores for ${classes} classes. Check \`classes\`.`;
    return {labels: [...values.keys()], values};
  }
  const pairs = pairsIn(scores);
  if (pairs === undefined) return 'It gave no scores: a list, an object of classes, or a list of pairs.';
  const labels: number[] = [];
  for (const [label] of pairs) {
    const read = labelOf(label);
    if (isUnread(read)) return read;
    labels.push(read.label);
  }
  if (new Set(labels).size !== labels.length) return 'It scored a class twice.';
  return {labels, values: pairs.map(([, score]) => numberIn(score))};
}

type List = readonly unknown[] | Float32Array | Float64Array;

function isList(value: unknown): value is List {
  return Array.isArray(value) || value instanceof Float32Array || value instanceof Float64Array;
}

/**
 * Takes the scores out of a list that holds nothing else. A single pair is not such a list: its first element is a
 * name.
 */
function unnested(value: unknown): unknown {
  if (!Array.isArray(value) || value.length !== 1) return value;
  const only: unknown = value[0];
  if (isList(only)) return typeof only[0] === 'string' ? value : only;
  const isPair = typeof only === 'object' && only !== null && 'label' in only && 'score' in only;
  return typeof only === 'object' && only !== null && !isPair ? only : value;
}

/** Returns labels with their scores; undefined if the value holds none. */
function pairsIn(scores: unknown): readonly (readonly [unknown, unknown])[] | undefined {
  if (typeof scores !== 'object' || scores === null) return undefined;
  if (!Array.isArray(scores)) return Object.entries(scores);
  const pairs = scores.map((item: unknown): readonly [unknown, unknown] | undefined => {
    if (Array.isArray(item)) return item.length === 2 ? [item[0], item[1]] : undefined;
    const {label, score} = (item ?? {}) as {readonly label?: unknown; readonly score?: unknown};
    return label === undefined ? undefined : [label, score];
  });
  return pairs.every(pair => pair !== undefined) ? pairs : undefined;
}

function numberIn(value: unknown): number {
  return typeof value === 'number' ? value : Number.NaN;
}

function inClassOrder(labels: readonly number[], values: readonly number[]): readonly number[] {
  const ordered = new Array<number>(values.length);
  for (const [index, label] of labels.entries()) ordered[label] = values[index]!;
  return ordered;
}
