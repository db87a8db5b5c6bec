/**
 * A process that labels a set together with others: it takes leases, looks in the store, asks the counter for what is
 * not there, keeps it and gives the leases back. Arguments: the store as JSON, the URL of the counter, how many keys.
 */
import {setTimeout as wait} from 'node:timers/promises';
import {type AnswerStoreOptions, openAnswerStore} from '../../src/store/store.ts';
import {storedAnswer} from './stored-answer.ts';

const [options = '{}', counter = '', count = '0'] = process.argv.slice(2);
const store = openAnswerStore(JSON.parse(options) as AnswerStoreOptions);
const LEASE = 10_000;
const CHUNK = 25;

async function ask(key: string): Promise<void> {
  await fetch(`${counter}/${key}`);
  await store.set(key, storedAnswer(Float32Array.of(Number(key.slice(1)))));
}

async function label(keys: readonly string[]): Promise<void> {
  let open = keys;
  while (open.length > 0) {
    const isOwn = await store.leases.acquire(open, LEASE);
    const own = open.filter((_, index) => isOwn[index]);
    const known = await store.getMany(own);
    await Promise.all(own.filter((_, index) => known[index] === undefined).map(ask));
    await store.leases.release(own);
    open = open.filter((_, index) => !isOwn[index]);
    if (open.length > 0) await wait(5);
  }
}

const keys = Array.from({length: Number(count)}, (_, number) => `k${number}`);
for (let first = 0; first < keys.length; first += CHUNK) await label(keys.slice(first, first + CHUNK));
await store.close();
