/**
 * The parts that every call needs, one after the other: its key, two looks into the store, a lease, a line of the
 * journal before it and one after it, a reply to read, an answer to keep. It has no layers: no limits, retries, budget,
 * ledger, progress or stop. The layers can't be faster than this.
 */
import {join} from 'node:path';
import type {Dispatcher} from 'undici';
import type {AnswerEntry} from '../../../src/store/store.ts';
import type {QueryDigest} from '../../../src/store/stored-answer.ts';
import type {Query} from '../../../src/teacher.ts';
import {built, instantTeacher, queries, requestOf} from './library.ts';

interface PartsOptions {
  readonly url: string;
  readonly concurrency: number;
  readonly dispatcher: Dispatcher;
}

interface Keyed {
  readonly query: Query;
  readonly digest: QueryDigest;
  readonly key: string;
}

const LEASE = 60_000;
const CHUNK = 256;
/** Number of chunks under way, as with the layers. */
const CHUNKS = 2;

const {openJournal} =
  await built<typeof import('../../../src/store/journal/journal.ts')>('src/store/journal/journal.js');
const {openStoreAt} = await built<typeof import('../../../src/store/store.ts')>('src/store/store.js');
const {digestKey, digestQuery} =
  await built<typeof import('../../../src/store/stored-answer.ts')>('src/store/stored-answer.js');
const {coalesce} = await built<typeof import('../../../src/concurrency.ts')>('src/concurrency.js');
const {postJson} = await built<typeof import('../../../adapters/_wire/request.ts')>('adapters/_wire/request.js');

export async function askByParts(options: PartsOptions, calls: number, folder: string): Promise<void> {
  const {url, concurrency, dispatcher} = options;
  const teacher = instantTeacher({...options, maxBatch: 1});
  const {name, identity, detail, service} = teacher;
  const connection = {name, key: () => undefined, timeout: 30_000, maxReply: 2 ** 24, dispatcher};
  const target = new URL(`${url}/v2/models/instant/infer`);
  const store = openStoreAt(join(folder, 'answers.mdb'));
  const journal = await openJournal(join(folder, 'journal'));
  const keep = coalesce<AnswerEntry>(entries => store.setMany(entries));

  const askOne = async ({query, digest, key}: Keyed): Promise<() => Promise<void>> => {
    const id = await journal.sent([key]);
    const reply = await postJson(connection, target, requestOf((query.input as {readonly text: string}).text));
    const location = await journal.replied(id, reply);
    const [outcome] = service!.read(reply, 1, detail);
    if (!outcome || 'error' in outcome) throw new Error('The service gave no answer.');
    const stored = {
      ...({format: 1, teacher: {name, identity}, question: digest, detail, answer: outcome.answer} as const),
      ...{
        storedAt: new Date().toISOString(),
        receipt: service!.receipt!(reply),
        reply: location,
        reader: service!.reader,
      },
    };
    return () => keep([{key, stored}]).then(() => journal.done(id));
  };
  const askChunk = async (chunk: readonly Query[]): Promise<void> => {
    const keyed = chunk.map((query): Keyed => {
      const digest = digestQuery(query);
      return {query, digest, key: digestKey(identity, digest)};
    });
    const keys = keyed.map(({key}) => key);
    await store.getMany(keys);
    await store.leases.acquire(keys, LEASE);
    await store.getMany(keys);
    const open = keyed.values();
    const kept: Promise<void>[] = [];
    const work = async () => {
      for (const each of open) kept.push((await askOne(each))());
    };
    await Promise.all(Array.from({length: concurrency / CHUNKS}, work));
    await Promise.all(kept);
    await store.leases.release(keys);
  };
  const all = [...queries(calls)];
  const starts = Array.from({length: Math.ceil(calls / CHUNK)}, (_, index) => index * CHUNK).values();
  const work = async () => {
    for (const start of starts) await askChunk(all.slice(start, start + CHUNK));
  };
  await Promise.all(Array.from({length: CHUNKS}, work));
  await journal.close();
  await store.close();
}
