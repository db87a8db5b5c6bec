/**
 * The part of a reply that holds one query's answer, or the problem with it, without advice. Scores can be of another kind
 * than was declared; see `Misread`.
 */
export type Cell = {readonly value: unknown} | {readonly problem: string; readonly misread?: true};

/** Finds the part of each query's answer, or returns the problem with the whole reply. */
export type CellReader = (document: unknown, count: number) => readonly Cell[] | string;

/** The location of an answer. */
interface CellLocation {
  /** A JSON pointer. */
  readonly at: string;
  /** True if a request holds several queries. */
  readonly isBatch: boolean;
  /** Values per query in a flat list of all queries. */
  readonly width: number;
}

export function cellReader({at: text, isBatch, width}: CellLocation): CellReader {
  const at = pointerOf(text);
  const split = isBatch ? splitAtStar(at) : undefined;
  if (split) return (document, count) => entries(document, split, count);
  if (isBatch) return (document, count) => flatRows(document, at, {count, width});
  return document => [only(document, at)];
}

/** Finds scores and their names, which are elsewhere in the reply: per query, or once for all. */
export function namedCellReader(scores: CellLocation, names: string): CellReader {
  const scoresIn = cellReader(scores);
  const at = pointerOf(names);
  const split = scores.isBatch ? splitAtStar(at) : undefined;
  return (document, count) => {
    const found = scoresIn(document, count);
    const named = split ? entries(document, split, count) : new Array<Cell>(count).fill(only(document, at));
    if (typeof found === 'string') return found;
    return typeof named === 'string' ? named : found.map((cell, row) => paired(cell, named[row]!));
  };
}

/**
 * Finds the answers of a service that gives the index of each among the queries, and puts them in that order. A reply
 * without any index is in the order of the queries.
 */
export function indexedCellReader(read: CellReader, text: string): CellReader {
  const at = pointerOf(text);
  return (document, count) => {
    const found = read(document, count);
    const indices = find(document, at);
    if (typeof found === 'string' || indices.length === 0) return found;
    return indexProblem(indices, {at, count}) ?? found.map((_, row) => found[indices.indexOf(row)]!);
  };
}

function indexProblem(
  indices: readonly unknown[],
  {at, count}: {readonly at: Pointer; readonly count: number},
): string | undefined {
  if (indices.length !== count)
    return `Its reply has ${indices.length} indices at \`${at.text}\` for ${count} answers.`;
  const isOurs = (index: unknown) => Number.isInteger(index) && (index as number) >= 0 && (index as number) < count;
  const invented = indices.find(index => !isOurs(index));
  if (invented !== undefined) {
    const shown = typeof invented === 'number' ? `the index ${invented}` : 'an index that is no number';
    return `Its reply has ${shown} at \`${at.text}\`, and those of the queries go from 0 to ${count - 1}.`;
  }
  const doubled = indices.find((index, position) => indices.indexOf(index) !== position);
  return doubled === undefined ? undefined : `Its reply has the index ${doubled} more than once at \`${at.text}\`.`;
}

/** Pairs scores with the names beside them. */
function paired(scores: Cell, names: Cell): Cell {
  if ('problem' in scores) return scores;
  if ('problem' in names) return names;
  const [values, labels] = [scores.value, names.value];
  if (!Array.isArray(values) || !Array.isArray(labels) || values.length !== labels.length) {
    return {problem: 'It gave scores and `names` that are not two lists of one length.'};
  }
  return {value: labels.map((label, index) => [label, values[index]])};
}

/** Returns the single value that a pointer finds. */
function only(document: unknown, at: Pointer): Cell {
  const found = find(document, at);
  if (found.length === 1) return {value: found[0]};
  if (found.length > 1) return {problem: `Its reply has ${found.length} values at \`${at.text}\`, not one.`};
  return {problem: `Its reply has nothing at \`${at.text}\`.`};
}

function entries(
  document: unknown,
  {list, rest}: NonNullable<ReturnType<typeof splitAtStar>>,
  count: number,
): readonly Cell[] | string {
  const cell = only(document, list);
  if ('problem' in cell) return cell.problem;
  if (!Array.isArray(cell.value)) return `Its reply has no list at ${locationOf(list)}.`;
  const {length} = cell.value;
  if (length !== count) return `Its reply has ${length} answers at ${locationOf(list)} for ${count} queries.`;
  return cell.value.map(entry => only(entry, rest));
}

function locationOf({text}: Pointer): string {
  return text === '' ? 'its root' : `\`${text}\``;
}

/** Splits a flat list of all queries' values into rows. */
function flatRows(
  document: unknown,
  at: Pointer,
  {count, width}: {readonly count: number; readonly width: number},
): readonly Cell[] | string {
  const cell = only(document, at);
  if ('problem' in cell) return cell.problem;
  if (!Array.isArray(cell.value) || cell.value.length !== count * width || cell.value.some(Array.isArray)) {
    return `Its reply has no flat list of ${count * width} values at ${locationOf(at)}. If it holds one entry per query, write a \`*\` in \`output\` instead of their index.`;
  }
  const values: readonly unknown[] = cell.value;
  return Array.from({length: count}, (_, row) => {
    const value = values.slice(row * width, (row + 1) * width);
    return {value: width === 1 ? value[0] : value};
  });
}

/** A JSON pointer (RFC 6901) in which a `*` stands for any name or index. */
export interface Pointer {
  /** The pointer as it was written, for messages. */
  readonly text: string;
  readonly segments: readonly string[];
}

/** @param text - matches `POINTER` */
export function pointerOf(text: string): Pointer {
  const segments = text.split('/').slice(1);
  return {text, segments: segments.map(segment => segment.replaceAll('~1', '/').replaceAll('~0', '~'))};
}

/** The form of a pointer: empty for the whole document, else `/` before each name. */
export const POINTER: RegExp = /^(\/([^~/]|~[01])*)*$/;

/** Splits at the first `*` into a pointer to a list and one from its entries on; undefined if there is no `*`. */
function splitAtStar({text, segments}: Pointer): {readonly list: Pointer; readonly rest: Pointer} | undefined {
  const star = segments.indexOf('*');
  if (star < 0) return undefined;
  return {
    list: {
      text: text
        .split('/')
        .slice(0, star + 1)
        .join('/'),
      segments: segments.slice(0, star),
    },
    rest: {text, segments: segments.slice(star + 1)},
  };
}

/** Returns all values that a pointer finds, in the document's order. */
export function find(document: unknown, {segments}: Pointer): readonly unknown[] {
  return segments.reduce<readonly unknown[]>(
    (found, segment) => found.flatMap(value => step(value, segment)),
    [document],
  );
}

/** Returns the values in a list, so that a value that is a list is not taken for several. */
function step(value: unknown, segment: string): readonly unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  if (segment === '*') return Object.values(value);
  return Object.hasOwn(value, segment) && isOwnEntry(value, segment)
    ? [(value as Record<string, unknown>)[segment]]
    : [];
}

/** False for a list's `length`, which no document holds. */
function isOwnEntry(value: object, segment: string): boolean {
  return !Array.isArray(value) || /^(0|[1-9]\d*)$/.test(segment);
}
