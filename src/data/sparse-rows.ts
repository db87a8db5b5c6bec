import type {RowSelection} from '../engine/row-kernels.ts';
import type {TensorInputs} from './inputs.ts';

/**
 * Rows of numbers, most of which are 0. All others of a row are the same. `columns` are those that are not 0, and `values`
 * is theirs.
 */
export interface SparseRows extends RowSelection {
  readonly kind: 'sparse';
  /** Length of a row. */
  readonly width: number;
}

/**
 * @param columns - the columns of each row that are not 0
 * @param valueFor - the value of a row that has so many of them
 */
export function sparseRows(
  columns: readonly Int32Array[],
  width: number,
  valueFor: (columns: number) => number,
): SparseRows {
  const rows = columns.map(own => ({columns: own, value: own.length === 0 ? 0 : valueFor(own.length)}));
  return joined(rows, width);
}

/** One of the rows. */
interface Row {
  readonly columns: Int32Array;
  readonly value: number;
}

function joined(rows: readonly Row[], width: number, thinning?: Thinning): SparseRows {
  const most = thinning?.most ?? Number.POSITIVE_INFINITY;
  const starts = new Int32Array(rows.length + 1);
  const values = new Float32Array(rows.length);
  for (const [row, {columns, value}] of rows.entries()) {
    starts[row + 1] = starts[row]! + Math.min(columns.length, most);
    values[row] = value * Math.max(1, columns.length / most);
  }
  // Thinned as they are joined: what each step allocates outside of the heap makes V8 collect garbage.
  const columns = new Int32Array(starts[rows.length]!);
  for (const [row, {columns: own}] of rows.entries()) {
    if (own.length <= most) columns.set(own, starts[row]!);
    else spread(own, thinning!.places[row]!, columns.subarray(starts[row], starts[row + 1]));
  }
  return {kind: 'sparse', count: rows.length, width, columns, starts, values};
}

/** Fills a list with columns that are spread evenly over a longer one. */
function spread(from: Int32Array, place: number, to: Int32Array): void {
  const step = from.length / to.length;
  for (let at = 0; at < to.length; at++) to[at] = from[Math.floor((at + place) * step)]!;
}

/** How many of the columns of rows are taken. */
export interface Thinning {
  /** The most columns of a row, at least 1. */
  readonly most: number;
  /** Where to begin in each row, from 0 to 1, 1 excluded. */
  readonly places: ArrayLike<number>;
}

/**
 * The rows with no more than so many of their columns each. Those of a longer row are spread evenly over it, and each stands
 * for as many as there are to one that is taken. Over all places to begin at, the mean of what a row adds up to is that of
 * the whole row.
 */
export function thinnedRows({count, width, columns, starts, values}: SparseRows, thinning: Thinning): SparseRows {
  const rows = Array.from({length: count}, (_, row) => ({
    columns: columns.subarray(starts[row], starts[row + 1]),
    value: values[row]!,
  }));
  return joined(rows, width, thinning);
}

/** The most bytes that are kept. */
const MOST_KEPT = 2 ** 27;
/** Bytes that a text takes beside its characters and columns, as measured with V8. */
const OVERHEAD = 300;

/** The rows of texts that are read again and again. Texts beyond a limit of memory are not kept. */
export class KeptRows {
  readonly #rows = new Map<string, Row>();
  #bytes = 0;
  #width = 0;

  /**
   * @param read - reads the texts that are not kept. Their rows don't depend on other texts
   * @param thinning - of the rows that it gives, see `thinnedRows`. They are kept whole
   */
  read(texts: readonly string[], read: (texts: readonly string[]) => SparseRows, thinning?: Thinning): SparseRows {
    const others = [...new Set(texts)].filter(text => !this.#rows.has(text));
    const fresh = new Map<string, Row>();
    if (others.length > 0) {
      const {width, columns, starts, values} = read(others);
      this.#width = width;
      for (const [row, text] of others.entries()) {
        fresh.set(text, {columns: columns.slice(starts[row], starts[row + 1]), value: values[row]!});
      }
    }
    for (const [text, row] of fresh) this.#keep(text, row);
    return joined(
      texts.map(text => this.#rows.get(text) ?? fresh.get(text)!),
      this.#width,
      thinning,
    );
  }

  #keep(text: string, row: Row): void {
    const bytes = row.columns.byteLength + 2 * text.length + OVERHEAD;
    if (this.#bytes + bytes > MOST_KEPT) return;
    this.#bytes += bytes;
    this.#rows.set(text, row);
  }
}

/** The same rows with all of their zeros. */
export function denseRows({count, width, columns, starts, values}: SparseRows): TensorInputs {
  const data = new Float32Array(count * width);
  for (let row = 0; row < count; row++) {
    for (let at = starts[row]!; at < starts[row + 1]!; at++) data[row * width + columns[at]!]! += values[row]!;
  }
  return {kind: 'tensor', dtype: 'float32', shape: [width], count, data};
}
