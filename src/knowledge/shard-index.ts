import {z} from 'zod';
import {pathIn} from '../data/bucket/url.ts';
import {KnowledgeError} from '../errors.ts';
import {sha256Of} from '../sha256.ts';
import {knowledgeBytes} from './files.ts';
import type {Knowledge} from './knowledge.ts';
import type {KnowledgeShard, ShardedIndex, ShardFolder} from './sharded.ts';

/** The name of the index in a folder of shards. */
export const INDEX_FILE = 'index.json' as const;

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

/** An index that lists nothing yet. */
export function emptyIndex(origin: string, of: number): ShardedIndex {
  return {format: 'limbeck.knowledge-shards/1', origin, of, shards: []};
}

/**
 * Reads the index of a folder of shards.
 *
 * @returns undefined if there is none
 * @throws KnowledgeError if it is damaged
 */
export async function readShardIndex(folder: ShardFolder): Promise<ShardedIndex | undefined> {
  const bytes = await folder.read(INDEX_FILE);
  if (bytes === undefined) return undefined;
  try {
    return Index.parse(JSON.parse(bytes.toString()));
  } catch (cause) {
    throw new KnowledgeError(
      `${pathIn(folder.name, INDEX_FILE)} is no index of knowledge in shards. Delete the folder, and label again.`,
      {cause},
    );
  }
}

/** Of a shard, what its writer knows. */
type Written = Pick<KnowledgeShard, 'rows' | 'unasked' | 'unanswered'>;

/**
 * Saves knowledge as one shard of a folder, and then the index that lists it. Each is written in one step, and a shard has
 * the hash of what it holds in its name, so that a process that ends at any moment leaves a folder that can be read. Not to
 * be called by two processes at once.
 *
 * @returns the new index
 * @throws KnowledgeError or InputError if it can't be written
 */
export async function saveShard(
  folder: ShardFolder,
  index: ShardedIndex,
  knowledge: Knowledge,
  {rows, unasked, unanswered}: Written,
): Promise<ShardedIndex> {
  const pieces = knowledgeBytes(unanswered > 0 ? {...knowledge, unanswered} : knowledge);
  const bytes = pieces.reduce((sum, {length}) => sum + length, 0);
  const sha256 = sha256Of(...pieces);
  const file = `rows-${String(rows[0]).padStart(12, '0')}-${sha256.slice(0, 16)}.safetensors`;
  await folder.write(file, pieces);
  const shard = {file, rows, count: knowledge.inputs.count, unanswered, unasked, bytes, sha256};
  const others = index.shards.filter(other => other.rows[0] !== rows[0]);
  const shards = [...others, shard].sort((one, other) => one.rows[0] - other.rows[0]);
  const next = {...index, shards};
  await folder.write(INDEX_FILE, [Buffer.from(`${JSON.stringify(next, undefined, 1)}\n`)]);
  return next;
}

/** Removes shards that the index does not list, such as those of other data. */
export async function removeUnlisted(folder: ShardFolder, {shards}: Pick<ShardedIndex, 'shards'>): Promise<void> {
  const listed = new Set(shards.map(({file}) => file));
  for (const name of await folder.list()) {
    if (/^rows-[\da-f-]+\.safetensors$/.test(name) && !listed.has(name)) await folder.remove(name);
  }
}
