import {hash} from 'node:crypto';
import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import {z} from 'zod';
import {InputError} from '../../errors.ts';
import {makeFolder} from '../files.ts';
import {formatOf} from '../texts/read.ts';
import {indexLines, type ShardIndex} from './line-blocks.ts';
import {indexGroups} from './parquet-groups.ts';
import type {ShardFile, ShardSource} from './source.ts';

/** A shard with what is known of it. */
export interface IndexedShard {
  readonly file: ShardFile;
  readonly isParquet: boolean;
  readonly index: ShardIndex;
}

const numbers = z.array(z.int().nonnegative());
const Kept = z.object({
  format: z.literal('limbeck.shard-index/1'),
  rows: z.int().nonnegative(),
  hash: z.string(),
  firstRows: numbers,
  firstLines: numbers,
  offsets: numbers,
});

/**
 * All shards of a source with their indices. An index is made once and kept in a folder, until its shard has another name,
 * size or time. A damaged one is made again.
 *
 * @throws InputError if there are no shards, a file is none, or one can't be read
 */
export async function indexedShards(source: ShardSource, folder: string): Promise<readonly IndexedShard[]> {
  const files = await source.list();
  if (files.length === 0) throw new InputError(`There are no files in ${source.name}.`);
  const formats = files.map(file => isParquet(file, source));
  const shards: IndexedShard[] = [];
  for (const [position, file] of files.entries()) {
    const format = formats[position]!;
    shards.push({file, isParquet: format, index: await indexOf(source, file, {folder, isParquet: format})});
  }
  return shards;
}

/** @throws InputError if it is neither Parquet nor JSON lines */
function isParquet({name}: ShardFile, source: ShardSource): boolean {
  const format = formatOf(name);
  if (name.endsWith('.gz')) {
    throw new InputError(
      `${name} in ${source.name} is gzipped, and gzip can only be read from its start. Unzip it, or make it Parquet, which is ` +
        'compressed by row groups.',
    );
  }
  if (format === 'parquet' || format === 'jsonl') return format === 'parquet';
  throw new InputError(
    `${name} in ${source.name} is no shard: shards are JSON lines (.jsonl) or Parquet (.parquet). Convert or move it.`,
  );
}

interface IndexOptions {
  /** Where indices are kept. */
  readonly folder: string;
  readonly isParquet: boolean;
}

async function indexOf(source: ShardSource, file: ShardFile, {folder, isParquet}: IndexOptions): Promise<ShardIndex> {
  const {name, size, version} = file;
  const path = join(folder, `${hash('sha256', JSON.stringify([source.name, name, size, version]))}.json`);
  const kept = await readFile(path, 'utf8').then(parsed, () => undefined);
  if (kept !== undefined) return kept;
  const index = await (isParquet ? indexGroups(source, file) : indexLines(source, file));
  try {
    makeFolder(folder);
    await writeFileAtomic(path, JSON.stringify({format: 'limbeck.shard-index/1', ...index}));
  } catch (cause) {
    throw new InputError(
      `The index of ${name} can't be written to ${folder}: ${(cause as Error).message}. Mend that, or name another folder in \`index\`.`,
      {cause},
    );
  }
  return index;
}

function parsed(text: string): ShardIndex | undefined {
  try {
    return Kept.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
