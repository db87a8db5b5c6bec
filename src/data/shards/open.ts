import {hash} from 'node:crypto';
import pLimit from 'p-limit';
import {InputError} from '../../errors.ts';
import {lastAtMost} from '../arrays.ts';
import type {OpenParquet} from '../texts/parquet.ts';
import {type IndexedShard, indexedShards} from './kept-index.ts';
import {readLineBlocks, type StoredRow} from './line-blocks.ts';
import {openGroups, readGroupRows} from './parquet-groups.ts';
import type {ShardFile, ShardSource} from './source.ts';

/** A row as it is stored, and the shard that holds it. */
export interface ShardRow extends StoredRow {
  readonly file: string;
}

/** A set that is stored in several files. It holds no rows, but an index of them. */
export interface OpenShards {
  /** Number of rows. */
  readonly count: number;
  /** SHA-256 of the names, sizes, rows and hashes of all shards: the same on all machines. */
  readonly digest: string;
  /**
   * Makes something of these rows, in that order. Of what is stored it reads the blocks that hold them, each once.
   *
   * @throws InputError if a row can't be read
   */
  read<T>(rows: ArrayLike<number>, make: (row: ShardRow) => T): Promise<T[]>;
}

/**
 * Opens a set of shards. The order of its rows is that of the names of the shards, and of the rows in each.
 *
 * @param folder - where indices are kept
 * @param columnsOf - the columns to read of a shard of Parquet, of all that it has
 */
export async function openShards(source: ShardSource, folder: string, columnsOf: ColumnsOf): Promise<OpenShards> {
  const shards: ShardInSet[] = [];
  let count = 0;
  for (const shard of await indexedShards(source, folder)) {
    if (shard.index.rows > 0) shards.push({...shard, start: count});
    count += shard.index.rows;
  }
  if (count === 0) throw new InputError(`The shards in ${source.name} have no rows.`);
  const parts = shards.map(({file: {name, size}, index: {rows, hash}}) => [name, size, rows, hash]);
  const read = spanReader(source, columnsOf);
  // A row group takes much more memory than a span of lines.
  const limit = pLimit(shards.some(({isParquet}) => isParquet) ? 1 : LINE_READS);
  return {
    count,
    digest: hash('sha256', JSON.stringify(parts)),
    async read(rows, make) {
      checkRows(rows, count, source);
      const order = Uint32Array.from({length: rows.length}, (_, index) => index);
      order.sort((one, other) => rows[one]! - rows[other]!);
      const made = new Array(rows.length);
      const take = async ({shard, blocks, from, to}: Span) => {
        const own = order.subarray(from, to);
        const within = [rows[own[0]!]! - shard.start, rows[own.at(-1)!]! - shard.start + 1] as const;
        const stored = await read(shard, blocks, within);
        for (const index of own) {
          made[index] = make({...stored[rows[index]! - shard.start - within[0]]!, file: shard.file.name});
        }
      };
      await Promise.all(spansOf(shards, index => rows[order[index]!]!, rows.length).map(span => limit(take, span)));
      return made;
    },
  };
}

/** The columns to read of a shard of Parquet, of all that it has. */
export type ColumnsOf = (all: readonly string[], file: string) => readonly string[];

/** How many spans of lines are read at once. */
const LINE_READS = 4;
/** Most bytes of adjacent blocks of lines that are read at once. */
const MOST_BYTES = 2 ** 21;
/** Shards of Parquet whose footers are held. */
const OPEN_FOOTERS = 4;

interface ShardInSet extends IndexedShard {
  /** Its first row in the set. */
  readonly start: number;
}

/** Adjacent blocks of a shard that hold wanted rows. */
interface Span {
  readonly shard: ShardInSet;
  /** The first block, and the one after the last. */
  readonly blocks: readonly [from: number, to: number];
  /** The wanted rows that they hold, as a slice of all that are wanted, which ascend. */
  readonly from: number;
  readonly to: number;
}

function spansOf(shards: readonly ShardInSet[], rowAt: (index: number) => number, count: number): readonly Span[] {
  const spans: Span[] = [];
  for (let index = 0; index < count; index++) {
    const row = rowAt(index);
    const last = spans.at(-1);
    if (last && row < endOf(last.shard)) {
      const block = blockOf(last.shard, row);
      const [from, to] = last.blocks;
      if (block < to || (block === to && isOneRead(last.shard, from, block))) {
        spans[spans.length - 1] = {...last, blocks: [from, block + 1], to: index + 1};
        continue;
      }
    }
    const shard = shards[lastAtMost(shards.length, at => shards[at]!.start, row)]!;
    const block = blockOf(shard, row);
    spans.push({shard, blocks: [block, block + 1], from: index, to: index + 1});
  }
  return spans;
}

function endOf({start, index: {rows}}: ShardInSet): number {
  return start + rows;
}

function blockOf({start, index: {firstRows}}: ShardInSet, row: number): number {
  return lastAtMost(firstRows.length, at => firstRows[at]!, row - start);
}

/** Row groups are read one by one, and lines up to a number of bytes. */
function isOneRead({isParquet, index: {offsets}}: ShardInSet, from: number, block: number): boolean {
  return !isParquet && offsets[block]! - offsets[from]! < MOST_BYTES;
}

/** Reads the rows of a shard from the first to the last that are wanted, which are in these blocks. */
type ReadSpan = (
  shard: ShardInSet,
  blocks: Span['blocks'],
  within: readonly [start: number, end: number],
) => Promise<readonly StoredRow[]>;

function spanReader(source: ShardSource, columnsOf: ColumnsOf): ReadSpan {
  const footers = new Map<string, {readonly parquet: OpenParquet; readonly columns: readonly string[]}>();
  const footerOf = async (file: ShardFile) => {
    const known = footers.get(file.name);
    if (known) return known;
    const parquet = await openGroups(source, file);
    const footer = {parquet, columns: columnsOf(parquet.columns, file.name)};
    if (footers.size === OPEN_FOOTERS) footers.delete(footers.keys().next().value!);
    footers.set(file.name, footer);
    return footer;
  };
  return async ({file, isParquet, index}, blocks, within) => {
    if (!isParquet) {
      const first = index.firstRows[blocks[0]]!;
      const rows = await readLineBlocks(source, file, index, blocks);
      return rows.slice(within[0] - first, within[1] - first);
    }
    const {parquet, columns} = await footerOf(file);
    return readGroupRows(parquet, columns, within);
  };
}

function checkRows(rows: ArrayLike<number>, count: number, {name}: ShardSource): void {
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index]!;
    if (!(row >= 0 && row < count)) throw new InputError(`There is no row ${row} in ${name}: it holds ${count}.`);
  }
}
