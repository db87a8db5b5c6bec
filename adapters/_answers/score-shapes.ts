import {isUnread, type LabelReader, type Unread} from './labels.ts';

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
export function namedScores(value: unknown, labelOf: LabelReader, classes: number): NamedScores | Unread {
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

export function inClassOrder(labels: readonly number[], values: readonly number[]): readonly number[] {
  const ordered = new Array<number>(values.length);
  for (const [index, label] of labels.entries()) ordered[label] = values[index]!;
  return ordered;
}
