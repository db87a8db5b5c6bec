import {createHash} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {mkdir, readdir, readFile, rm, stat} from 'node:fs/promises';
import {join} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import {z} from 'zod';
import {KnowledgeError} from '../errors.ts';
import {saveKnowledge} from './files.ts';
import type {Knowledge} from './knowledge.ts';

/** The name of the index in a folder of shards. */
export const INDEX_FILE = 'index.json' as const;

/** One shard, as the index lists it. */
export interface KnowledgeShard {
  /** Its name in the folder. */
  readonly file: string;
  /** The rows of the transfer set that it is about: from the first up to the last, without that one. */
  readonly rows: readonly [from: number, to: number];
  /** Inputs with an answer. */
  readonly count: number;
  /** Inputs without one. */
  readonly unanswered: number;
  /** Inputs that another run may still answer. */
  readonly unasked: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** What a folder of knowledge in shards holds. */
export interface ShardedIndex {
  readonly format: 'limbeck.knowledge-shards/1';
  /** What decides the answers: data, draw, teacher and detail, as a digest. */
  readonly origin: string;
  /** Inputs of the transfer set. */
  readonly of: number;
  /** In the order of their rows. */
  readonly shards: readonly KnowledgeShard[];
}

const whole = z.int().nonnegative();
const Index: z.ZodType<ShardedIndex> = z.object({
  format: z.literal('limbeck.knowledge-shards/1'),
  origin: z.string(),
  of: whole,
  shards: z.array(
    z.object({
      file: z.string().regex(/^[\w-]+\.safetensors$/),
      rows: z.tuple([whole, whole]),
      count: whole,
      unanswered: whole,
      unasked: whole,
      bytes: whole,
      sha256: z.string(),
    }),
  ),
});

/**
 * Reads the index of a folder of shards.
 *
 * @returns undefined if there is none
 * @throws KnowledgeError if it is damaged
 */
export async function readShardIndex(folder: string): Promise<ShardedIndex | undefined> {
  const path = join(folder, INDEX_FILE);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new KnowledgeError(`${path} can't be read: ${error.message}.`, {cause: error});
  });
  if (text === undefined) return undefined;
  try {
    return Index.parse(JSON.parse(text));
  } catch (cause) {
    throw new KnowledgeError(`${path} is no index of knowledge in shards. Delete the folder, and label again.`, {
      cause,
    });
  }
}

/** Of a shard, what its writer knows. */
type Written = Pick<KnowledgeShard, 'rows' | 'unasked' | 'unanswered'>;

/**
 * Saves knowledge as one shard of a folder, and then the index that lists it. Each replaces an older one in one step, so a
 * process that ends at any moment leaves a folder that can be read. Not to be called by two processes at once.
 *
 * @returns the new index
 * @throws KnowledgeError if it can't be written
 */
export async function saveShard(
  folder: string,
  index: ShardedIndex,
  knowledge: Knowledge,
  {rows, unasked, unanswered}: Written,
): Promise<ShardedIndex> {
  const file = `rows-${String(rows[0]).padStart(12, '0')}.safetensors`;
  const path = join(folder, file);
  await mkdir(folder, {recursive: true});
  await saveKnowledge(path, unanswered > 0 ? {...knowledge, unanswered} : knowledge);
  const {size: bytes} = await stat(path);
  const shard = {file, rows, count: knowledge.inputs.count, unanswered, unasked, bytes, sha256: await sha256Of(path)};
  const others = index.shards.filter(other => other.file !== file);
  const shards = [...others, shard].sort((one, other) => one.rows[0] - other.rows[0]);
  const next = {...index, shards};
  await writeFileAtomic(join(folder, INDEX_FILE), `${JSON.stringify(next, undefined, 1)}\n`);
  return next;
}

/** Whether a shard is as its index says. */
export async function isIntact(folder: string, {file, bytes, sha256}: KnowledgeShard): Promise<boolean> {
  const path = join(folder, file);
  const size = await stat(path).then(
    ({size}) => size,
    () => undefined,
  );
  return size === bytes && (await sha256Of(path)) === sha256;
}

/** Removes shards that the index does not list, such as those of other data. */
export async function removeUnlisted(folder: string, {shards}: ShardedIndex): Promise<void> {
  const listed = new Set(shards.map(({file}) => file));
  for (const name of await readdir(folder)) {
    if (/^rows-\d+\.safetensors$/.test(name) && !listed.has(name)) await rm(join(folder, name));
  }
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const bytes of createReadStream(path)) hash.update(bytes as Buffer);
  return hash.digest('hex');
}
