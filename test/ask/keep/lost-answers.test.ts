import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {openAsking} from '../../../src/ask/asking.ts';
import {writeDeleted} from '../../../src/store/journal/deleted-keys.ts';
import {segmentsIn} from '../../../src/store/journal/lines.ts';
import {rebuildStore} from '../../../src/store/journal/rebuild.ts';
import {type AnswerEntry, type AnswerStore, openAnswerStore} from '../../../src/store/store.ts';
import {answerKey} from '../../../src/store/stored-answer.ts';
import {about, labelled} from '../fake-teacher.ts';
import {payingTeacher} from '../paying-teacher.ts';

const count = 600;
const numbers = Array.from({length: count}, (_, number) => number);
const queries = about(...numbers);

let folder: string;
let cache: string;
let journal: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-lost-'));
  cache = join(folder, 'answers');
  journal = join(folder, 'journal');
});

afterEach(async () => {
  await rm(folder, {recursive: true});
});

interface Asked {
  readonly requests: number;
  readonly bought: number;
  readonly notes: readonly string[];
}

/** Asks about all queries, each of which must be answered. */
async function ask(record: 'new' | 'none' | 'all' = 'new', some = queries): Promise<Asked> {
  const payer = payingTeacher(undefined, {maxBatch: 4});
  const notes: string[] = [];
  const asking = await openAsking({cache, journal, record, onNote: note => notes.push(note)});
  const {teacher, ledger} = asking.open(payer);
  const outcomes: unknown[] = [];
  for (let start = 0; start < some.length; start += teacher.maxBatch) {
    outcomes.push(...(await teacher.ask(some.slice(start, start + teacher.maxBatch))));
  }
  await asking.close();
  if (some === queries) expect(outcomes).toEqual(numbers.map(labelled));
  return {requests: payer.requests.length, bought: ledger.snapshot().bought, notes};
}

const loseCache = () => Promise.all(['', '-lock'].map(ending => rm(`${cache}${ending}`, {force: true})));

async function inStore<T>(use: (store: AnswerStore) => Promise<T>): Promise<T> {
  const store = openAnswerStore({path: cache});
  const result = await use(store);
  await store.close();
  return result;
}

async function entries(): Promise<Map<string, AnswerEntry['stored']>> {
  return inStore(async store => {
    const all = new Map<string, AnswerEntry['stored']>();
    for await (const {key, stored} of store.entries()) all.set(key, stored);
    return all;
  });
}

/** As a version before wrote it: no answers, raw replies alone. */
async function withoutKeptLines(): Promise<void> {
  for (const name of segmentsIn(journal)) {
    const lines = (await readFile(join(journal, name), 'utf8')).split('\n');
    await writeFile(join(journal, name), lines.filter(line => !line.startsWith('{"kept"')).join('\n'));
  }
}

describe('answers that a store has lost', () => {
  it('are read from the journal, are as they were, and nothing is asked', async () => {
    expect(await ask()).toEqual({requests: count / 4, bought: count, notes: []});
    const before = await entries();
    await loseCache();
    const {requests, bought, notes} = await ask();
    expect({requests, bought}).toEqual({requests: 0, bought: 0});
    expect(notes).toEqual([expect.stringMatching(/^The cache lacks answers that were bought/)]);
    const withoutDates = ([key, {storedAt: _, ...stored}]: [string, AnswerEntry['stored']]) => [key, stored];
    expect([...(await entries())].map(withoutDates)).toEqual([...before].map(withoutDates));
    expect(await ask()).toEqual({requests: 0, bought: 0, notes: []});
  });

  it('are read offline as well, and of a journal that a version before wrote', async () => {
    await ask();
    await withoutKeptLines();
    await loseCache();
    expect(await ask('none')).toMatchObject({requests: 0});
    expect((await entries()).size).toBe(count);
  });

  it('are asked for only if they are not in the journal', async () => {
    await ask('new', about(1, 2, 3));
    await loseCache();
    expect(await ask()).toMatchObject({requests: Math.ceil((count - 3) / 4), bought: count - 3});
  });

  it('are asked for if they were deleted, and if all is asked anew', async () => {
    await ask();
    const [key] = queries.map(query => answerKey(payingTeacher().identity, query));
    writeDeleted(journal, [key!]);
    await loseCache();
    expect(await ask()).toMatchObject({bought: 1});
    await loseCache();
    // It was bought again since.
    expect(await ask()).toMatchObject({bought: 0});
    expect(await ask('all')).toMatchObject({bought: count});
  });

  it('are read though the index was damaged', async () => {
    await ask();
    await loseCache();
    await ask();
    await writeFile(join(journal, 'replies-2.index'), 'x'.repeat(10_000));
    await loseCache();
    expect(await ask()).toMatchObject({requests: 0});
  });
});

describe('a store that is made again of its journal', () => {
  const rebuild = () => inStore(store => rebuildStore(store, journal));

  it('is what it was, to the bit', async () => {
    await ask();
    const before = await entries();
    await loseCache();
    expect(await rebuild()).toEqual({answers: count, added: count, unread: 0});
    expect(await entries()).toEqual(before);
    expect(await rebuild()).toEqual({answers: count, added: 0, unread: 0});
  });

  it('has of several answers the last one, and none that was deleted', async () => {
    await ask();
    await ask('all');
    const before = await entries();
    const [first] = before.keys();
    writeDeleted(journal, [first!]);
    before.delete(first!);
    await loseCache();
    expect(await rebuild()).toMatchObject({unread: 0});
    expect(await entries()).toEqual(before);
  });

  it('is not made of replies alone, and says how many there are', async () => {
    await ask();
    await withoutKeptLines();
    expect(await rebuild()).toEqual({answers: 0, added: 0, unread: 0});
    await loseCache();
    expect(await rebuild()).toEqual({answers: 0, added: 0, unread: count});
  });
});
