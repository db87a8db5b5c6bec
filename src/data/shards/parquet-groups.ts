import {hash} from 'node:crypto';
import {type OpenParquet, openParquet} from '../texts/parquet.ts';
import type {ShardIndex, StoredRow} from './line-blocks.ts';
import type {ShardFile, ShardSource} from './source.ts';

/** At its end a file has the length of its footer, and four letters. */
const TAIL_BYTES = 8;

/** Opens a shard of Parquet: only its footer is read. */
export function openGroups(source: ShardSource, file: ShardFile): Promise<OpenParquet> {
  return openParquet(file.name, async () => ({
    byteLength: file.size,
    slice: async (start, end = file.size) => {
      const bytes = await source.read(file, start < 0 ? file.size + start : start, end);
      return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
    },
  }));
}

/**
 * Tells where the rows of a shard of Parquet are: a block is a row group.
 *
 * @throws InputError if it can't be read as Parquet
 */
export async function indexGroups(source: ShardSource, file: ShardFile): Promise<ShardIndex> {
  const {groups} = await openGroups(source, file);
  const tail = await source.read(file, file.size - TAIL_BYTES, file.size);
  const footer = await source.read(file, file.size - TAIL_BYTES - tail.readUInt32LE(0), file.size);
  return {
    rows: groups.at(-1)?.end ?? 0,
    hash: hash('sha256', footer),
    firstRows: groups.map(({start}) => start),
    firstLines: [],
    offsets: [],
  };
}

/** The rows of a row group from the first to the last that are wanted. */
export async function readGroupRows(
  parquet: OpenParquet,
  columns: readonly string[],
  [start, end]: readonly [number, number],
): Promise<readonly StoredRow[]> {
  const rows = await parquet.read(columns, start, end);
  return rows.map((value, index) => ({value, line: start + index + 1}));
}
