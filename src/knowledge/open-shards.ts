import {lastAtMost} from '../data/arrays.ts';
import {pathIn} from '../data/bucket/url.ts';
import {inputAt, selectInputs, stacked} from '../data/inputs.ts';
import {KnowledgeError} from '../errors.ts';
import {selectAnswers} from './answers.ts';
import {joinAnswers} from './join-answers.ts';
import type {StoredKnowledge} from './knowledge.ts';
import {INDEX_FILE, readShardIndex} from './shard-index.ts';
import type {KnowledgeShard, ShardFolder} from './sharded.ts';

/** Opens one file. */
type OpenFile = (path: string) => Promise<StoredKnowledge>;

/**
 * Opens knowledge in shards as one. Each row is read from its shard when it is needed.
 *
 * @throws KnowledgeError if there are no shards, or one is not as the index says; of a bucket, a shard is first read when
 * its rows are
 */
export async function openShards(folder: ShardFolder, open: OpenFile): Promise<StoredKnowledge> {
  const {name} = folder;
  const index = await readShardIndex(folder);
  if (index === undefined) {
    throw new KnowledgeError(
      `${name} is a folder without an ${INDEX_FILE}, so it holds no knowledge in shards. Give a file of knowledge, or the ` +
        'folder that `limbeck label` wrote.',
    );
  }
  const listed = index.shards.filter(({count}) => count > 0);
  if (listed.length === 0) {
    throw new KnowledgeError(`${name} holds no knowledge in shards: its ${INDEX_FILE} lists none. Label first.`);
  }
  await folder.keepCopies(index.shards);
  let count = 0;
  const shards = listed.map(shard => {
    const start = count;
    count += shard.count;
    return new Shard(folder, shard, start, open);
  });
  const close = async () => {
    for (const shard of shards) await shard.close();
  };
  try {
    if (folder.isLocal) for (const shard of shards) await shard.knowledge();
    const {unanswered: _, readInputs: __, readAnswers: ___, ...head} = await shards[0]!.knowledge();
    const unanswered = index.shards.reduce((sum, shard) => sum + shard.unanswered, 0);
    return {
      ...head,
      count,
      ...(unanswered > 0 && {unanswered}),
      async readInputs(rows) {
        const {parts, order} = partsOf(shards, rows, count, name);
        const read = await Promise.all(parts.map(async ({shard, rows}) => (await shard.knowledge()).readInputs(rows)));
        if (read.length === 1) return read[0]!;
        const all = read.flatMap(inputs => Array.from({length: inputs.count}, (_, row) => inputAt(inputs, row)));
        return selectInputs(stacked(all), order);
      },
      async readAnswers(rows) {
        const {parts, order} = partsOf(shards, rows, count, name);
        const read = await Promise.all(parts.map(async ({shard, rows}) => (await shard.knowledge()).readAnswers(rows)));
        return read.length === 1 ? read[0]! : selectAnswers(joinAnswers(read), order, head.classes.length);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** One shard, which is opened when it is first needed. */
class Shard {
  /** Its first row in the whole. */
  readonly start: number;
  readonly #folder: ShardFolder;
  readonly #listed: KnowledgeShard;
  readonly #open: OpenFile;
  #opening: Promise<StoredKnowledge> | undefined;

  constructor(folder: ShardFolder, listed: KnowledgeShard, start: number, open: OpenFile) {
    this.#folder = folder;
    this.#listed = listed;
    this.start = start;
    this.#open = open;
  }

  knowledge(): Promise<StoredKnowledge> {
    this.#opening ??= this.#checked().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async close(): Promise<void> {
    const opened = await this.#opening?.catch(() => undefined);
    await opened?.close();
  }

  async #checked(): Promise<StoredKnowledge> {
    const {file, count} = this.#listed;
    const knowledge = await this.#open(await this.#folder.fetch(this.#listed));
    if (knowledge.count === count) return knowledge;
    await knowledge.close();
    throw new KnowledgeError(
      `${pathIn(this.#folder.name, file)} holds ${knowledge.count} answers, and the index says ${count}. Label again.`,
    );
  }
}

interface ShardRows {
  readonly shard: Shard;
  readonly rows: readonly number[];
}

/** Which shards hold rows. `order` tells where each row is in what they hold together. */
function partsOf(
  shards: readonly Shard[],
  rows: ArrayLike<number>,
  count: number,
  name: string,
): {readonly parts: readonly ShardRows[]; readonly order: Int32Array} {
  const held = new Map<Shard, {readonly rows: number[]; readonly indices: number[]}>();
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index]!;
    if (!(row >= 0 && row < count)) throw new KnowledgeError(`There is no row ${row} in ${name}: it holds ${count}.`);
    const shard = shards[lastAtMost(shards.length, at => shards[at]!.start, row)]!;
    const own = held.get(shard) ?? {rows: [], indices: []};
    held.set(shard, own);
    own.rows.push(row - shard.start);
    own.indices.push(index);
  }
  const order = new Int32Array(rows.length);
  let at = 0;
  for (const {indices} of held.values()) for (const index of indices) order[index] = at++;
  const parts = Array.from(held, ([shard, own]) => ({shard, rows: own.rows}));
  return {parts: parts.length > 0 ? parts : [{shard: shards[0]!, rows: []}], order};
}
