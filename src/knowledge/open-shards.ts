import {join} from 'node:path';
import {lastAtMost} from '../data/arrays.ts';
import {inputAt, selectInputs, stacked} from '../data/inputs.ts';
import {KnowledgeError} from '../errors.ts';
import {selectAnswers} from './answers.ts';
import {joinAnswers} from './join-answers.ts';
import type {StoredKnowledge} from './knowledge.ts';
import {INDEX_FILE, readShardIndex} from './shard-index.ts';

/** One shard, and its first row in the whole. */
interface PlacedShard {
  readonly start: number;
  readonly knowledge: StoredKnowledge;
}

/**
 * Opens knowledge in shards as one. Each row is read from its shard when it is needed.
 *
 * @param open - opens one file
 * @throws KnowledgeError if there are no shards, or one is not as the index says
 */
export async function openShards(
  folder: string,
  open: (path: string) => Promise<StoredKnowledge>,
): Promise<StoredKnowledge> {
  const index = await readShardIndex(folder);
  if (index === undefined) {
    throw new KnowledgeError(
      `${folder} is a folder without an ${INDEX_FILE}, so it holds no knowledge in shards. Give a file of knowledge, or the ` +
        'folder that `limbeck label` wrote.',
    );
  }
  const listed = index.shards.filter(({count}) => count > 0);
  if (listed.length === 0) {
    throw new KnowledgeError(`${folder} holds no knowledge in shards: its ${INDEX_FILE} lists none. Label first.`);
  }
  const shards: PlacedShard[] = [];
  const close = async () => {
    for (const {knowledge} of shards) await knowledge.close();
  };
  let count = 0;
  try {
    for (const {file, count: own} of listed) {
      const knowledge = await open(join(folder, file));
      shards.push({start: count, knowledge});
      if (knowledge.count !== own) {
        throw new KnowledgeError(
          `${join(folder, file)} holds ${knowledge.count} answers, and the index says ${own}. Label again.`,
        );
      }
      count += own;
    }
  } catch (error) {
    await close();
    throw error;
  }
  const {unanswered: _, readInputs: __, readAnswers: ___, ...head} = shards[0]!.knowledge;
  const unanswered = index!.shards.reduce((sum, shard) => sum + shard.unanswered, 0);
  return {
    ...head,
    count,
    ...(unanswered > 0 && {unanswered}),
    async readInputs(rows) {
      const {parts, order} = partsOf(shards, rows, count, folder);
      const read = await Promise.all(parts.map(({knowledge, rows}) => knowledge.readInputs(rows)));
      if (read.length === 1) return read[0]!;
      const all = read.flatMap(inputs => Array.from({length: inputs.count}, (_, row) => inputAt(inputs, row)));
      return selectInputs(stacked(all), order);
    },
    async readAnswers(rows) {
      const {parts, order} = partsOf(shards, rows, count, folder);
      const read = await Promise.all(parts.map(({knowledge, rows}) => knowledge.readAnswers(rows)));
      return read.length === 1 ? read[0]! : selectAnswers(joinAnswers(read), order, head.classes.length);
    },
    close,
  };
}

interface ShardRows {
  readonly knowledge: StoredKnowledge;
  readonly rows: number[];
}

/** Which shards hold rows. `order` tells where each row is in what they hold together. */
function partsOf(
  shards: readonly PlacedShard[],
  rows: ArrayLike<number>,
  count: number,
  folder: string,
): {readonly parts: readonly ShardRows[]; readonly order: Int32Array} {
  const held = new Map<PlacedShard, {readonly rows: number[]; readonly places: number[]}>();
  for (let place = 0; place < rows.length; place++) {
    const row = rows[place]!;
    if (!(row >= 0 && row < count)) throw new KnowledgeError(`There is no row ${row} in ${folder}: it holds ${count}.`);
    const shard = shards[lastAtMost(shards.length, at => shards[at]!.start, row)]!;
    const own = held.get(shard) ?? {rows: [], places: []};
    held.set(shard, own);
    own.rows.push(row - shard.start);
    own.places.push(place);
  }
  const order = new Int32Array(rows.length);
  let at = 0;
  for (const {places} of held.values()) for (const place of places) order[place] = at++;
  const parts = Array.from(held, ([{knowledge}, own]) => ({knowledge, rows: own.rows}));
  return {parts: parts.length > 0 ? parts : [{knowledge: shards[0]!.knowledge, rows: []}], order};
}
