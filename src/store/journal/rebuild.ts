import {closeSync, openSync} from 'node:fs';
import {join} from 'node:path';
import type {AnswerEntry, AnswerStore} from '../store.ts';
import {type DeletedKeys, readDeleted} from './deleted-keys.ts';
import {KeptLinesReader, linesOf, segmentsIn} from './lines.ts';
import {ReplyIndex} from './reply-index.ts';

/** How many answers go into a store at once. */
const BATCH = 1000;

/** The result of a rebuild. */
export interface Rebuilt {
  /** Answers in the journal; repeated answers to one query count separately. */
  readonly answers: number;
  /** Of these, answers that the store did not hold. */
  readonly added: number;
  /** Replies that need their teacher's reader and have no answer in the store. */
  readonly unread: number;
}

/**
 * Puts the answers of a journal into a store that lacks them, as they were kept. If a query has several, the last one
 * counts. Deleted answers are left out.
 *
 * @throws AnswerStoreError if the journal can't be read or the store can't be written
 */
export async function rebuildStore(store: AnswerStore, journal: string): Promise<Rebuilt> {
  let answers = 0;
  let added = 0;
  for await (const batch of batchesIn(journal)) {
    answers += batch.length;
    const held = await store.getMany(batch.map(({key}) => key));
    const lacking = batch.filter(({stored}, index) => (held[index]?.storedAt ?? '') < stored.storedAt);
    await store.setMany(lacking);
    added += lacking.length;
  }
  return {answers, added, unread: await countUnread(store, journal)};
}

/** The answers of the journal, at most one per query in each batch. */
async function* batchesIn(journal: string): AsyncGenerator<readonly AnswerEntry[]> {
  const deleted = readDeleted(journal);
  let batch = new Map<string, AnswerEntry>();
  for (const segment of segmentsIn(journal)) {
    for (const entry of answersIn(join(journal, segment), deleted)) {
      if (batch.size === BATCH || batch.has(entry.key)) {
        yield [...batch.values()];
        batch = new Map();
      }
      batch.set(entry.key, entry);
    }
  }
  yield [...batch.values()];
}

function* answersIn(path: string, deleted: DeletedKeys): Generator<AnswerEntry> {
  const reader = new KeptLinesReader();
  const file = openSync(path, 'r');
  try {
    for (const {line} of linesOf(file)) {
      for (const entry of reader.read(line)) {
        if (Date.parse(entry.stored.storedAt) > (deleted.get(entry.key) ?? 0)) yield entry;
      }
    }
  } finally {
    closeSync(file);
  }
}

async function countUnread(store: AnswerStore, journal: string): Promise<number> {
  const index = new ReplyIndex(journal);
  let count = 0;
  let keys: string[] = [];
  const look = async () => {
    for (const stored of await store.getMany(keys)) if (stored === undefined) count++;
    keys = [];
  };
  try {
    for await (const key of index.unread()) {
      keys.push(key);
      if (keys.length === BATCH) await look();
    }
    await look();
    return count;
  } finally {
    await index.close();
  }
}
