import {createHash} from 'node:crypto';
import {InputError} from '../../errors.ts';
import {linesOf} from '../texts/blocks.ts';
import type {ShardFile, ShardSource} from './source.ts';

/** What is known of a shard, so that its rows can be read by their numbers. */
export interface ShardIndex {
  /** Number of its rows. */
  readonly rows: number;
  /** SHA-256 of all bytes of JSON lines, or of the footer of Parquet, which tells where everything is. */
  readonly hash: string;
  /** [blocks], the first row of each block. A block is read as a whole. */
  readonly firstRows: readonly number[];
  /** [blocks], of JSON lines: the line at which each block begins, from 1. Empty of Parquet. */
  readonly firstLines: readonly number[];
  /** [blocks], of JSON lines: the byte at which each block begins. Empty of Parquet. */
  readonly offsets: readonly number[];
}

/** Bytes after which a new block begins. Blocks are as small as the index stays: a thousandth of the data. */
const BLOCK_BYTES = 2 ** 16;
/** Bytes that are read at a time. */
const READ_BYTES = 2 ** 22;
/** Bytes that a line may have. A longer one would fill the memory. */
const LONGEST_LINE = 2 ** 26;
const NEWLINE = 0x0a;

/**
 * Reads all of a shard of JSON lines once, to tell where its rows are. Blank lines are no rows.
 *
 * @throws InputError if it can't be read, or a line is too long
 */
export async function indexLines(source: ShardSource, file: ShardFile): Promise<ShardIndex> {
  const hash = createHash('sha256');
  const index = {rows: 0, firstRows: [] as number[], firstLines: [] as number[], offsets: [] as number[]};
  let [line, blockStart] = [1, Number.NEGATIVE_INFINITY];
  const addLine = (offset: number, bytes: Buffer) => {
    if (offset - blockStart >= BLOCK_BYTES) {
      index.firstRows.push(index.rows);
      index.firstLines.push(line);
      index.offsets.push(offset);
      blockStart = offset;
    }
    if (!isBlank(bytes)) index.rows++;
    line++;
  };
  let rest: Buffer = Buffer.alloc(0);
  for (let start = 0; start < file.size; start += READ_BYTES) {
    const bytes = await source.read(file, start, Math.min(file.size, start + READ_BYTES));
    hash.update(bytes);
    const all = rest.length > 0 ? Buffer.concat([rest, bytes]) : bytes;
    const origin = start - rest.length;
    let from = 0;
    for (let end = all.indexOf(NEWLINE, rest.length); end !== -1; end = all.indexOf(NEWLINE, from)) {
      addLine(origin + from, all.subarray(from, end));
      from = end + 1;
    }
    rest = all.subarray(from);
    if (rest.length > LONGEST_LINE) {
      throw new InputError(`${file.name}, line ${line}: longer than ${LONGEST_LINE} bytes. Check its line ends.`);
    }
  }
  if (rest.length > 0) addLine(file.size - rest.length, rest);
  return {...index, hash: hash.digest('hex')};
}

/** True if there is only white space, by the first byte in nearly all lines. */
function isBlank(bytes: Buffer): boolean {
  for (const byte of bytes) if (byte !== 0x20 && (byte < 0x09 || byte > 0x0d)) return false;
  return true;
}

/** A row as it is stored. */
export interface StoredRow {
  /** A text, or an object. */
  readonly value: unknown;
  /** Its line, or its row in Parquet, from 1. */
  readonly line: number;
}

/**
 * The rows of adjacent blocks of JSON lines.
 *
 * @param from - the first block
 * @param to - the block after the last
 * @throws InputError that names the line, if one is no JSON
 */
export async function readLineBlocks(
  source: ShardSource,
  file: ShardFile,
  {firstLines, offsets}: ShardIndex,
  [from, to]: readonly [number, number],
): Promise<readonly StoredRow[]> {
  const bytes = await source.read(file, offsets[from]!, offsets[to] ?? file.size);
  const first = firstLines[from]!;
  const rows: StoredRow[] = [];
  for (const [index, content] of linesOf(decoded(bytes, file, first)).entries()) {
    const line = first + index;
    if (!BLANK.test(content)) rows.push({value: parsed(content, file, line), line});
  }
  return rows;
}

/** The same bytes as in `isBlank`: other white space makes a row. */
const BLANK = /^[\t-\r ]*$/;

function decoded(bytes: Buffer, {name}: ShardFile, line: number): string {
  try {
    return new TextDecoder('utf-8', {fatal: true}).decode(bytes);
  } catch (cause) {
    throw new InputError(`${name}, from line ${line} on: not UTF-8. Convert it.`, {cause});
  }
}

function parsed(content: string, {name}: ShardFile, line: number): unknown {
  try {
    return JSON.parse(content);
  } catch (cause) {
    throw new InputError(`${name}, line ${line}: not JSON. Write one JSON text or object per line.`, {cause});
  }
}
