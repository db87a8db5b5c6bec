import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdtemp, readdir, readFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {describe, expect, it} from 'vitest';
import {createLedger} from '../../../src/ask/ledger.ts';
import {stack} from '../../../src/ask/teacher-stack.ts';
import {openJournal} from '../../../src/store/journal/journal.ts';
import {openAnswerStore} from '../../../src/store/store.ts';
import {answerKey} from '../../../src/store/stored-answer.ts';
import type {Reply} from '../../../src/teacher.ts';
import {about, labelled} from '../fake-teacher.ts';
import {labels, ok, payingTeacher, type Respond} from '../paying-teacher.ts';

const newStore = () => openAnswerStore({store: new Map()});
const folder = () => mkdtemp(join(tmpdir(), 'limbeck-recover-'));
const keysOf = (...numbers: readonly number[]) =>
  about(...numbers).map(query => answerKey(payingTeacher().identity, query));

/** A journal's folder as a process leaves it that ended between a reply and the keeping of its answers. */
async function leftUnread(reply: Reply, ...numbers: readonly number[]): Promise<string> {
  const directory = await folder();
  const journal = await openJournal(directory);
  await journal.replied(await journal.sent(keysOf(...numbers)), reply);
  await journal.close();
  return directory;
}

describe('withRecovery', () => {
  it('serves every reply of a process that was killed before it could write one answer', async () => {
    const directory = await folder();
    const script = fileURLToPath(new URL('killed-asker.ts', import.meta.url));
    const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), script, directory]);
    expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
    const journal = await openJournal(directory);
    const [payer, store] = [payingTeacher(), newStore()];
    const outcomes = await stack(payer, {store, journal}).ask(about(1, 2, 3, 4, 5, 6));
    expect(outcomes).toEqual([1, 2, 3, 4, 5, 6].map(labelled));
    expect(payer.requests).toEqual([]);
    expect(await store.count()).toBe(6);
    await journal.close();
  });

  it('finds the journal whole after a process that ended itself as soon as it had an answer', async () => {
    const directory = await folder();
    const script = fileURLToPath(new URL('exiting-asker.ts', import.meta.url));
    const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), script, directory]);
    expect(await once(child, 'exit')).toEqual([0, null]);
    const [name] = await readdir(join(directory, 'journal'));
    const lines = (await readFile(join(directory, 'journal', name!), 'utf8')).split('\n');
    expect(lines.slice(0, -1).map(line => JSON.parse(line))).toMatchObject([
      {journal: 1},
      {sent: 1, keys: keysOf(1)},
      {reply: 1, keys: keysOf(1), status: 200},
      {kept: [[keysOf(1)[0], expect.any(Array)]]},
      {done: 1},
    ]);
    expect(lines.at(-1)).toBe('');
    const journal = await openJournal(join(directory, 'journal'));
    expect(journal.recovered).toEqual({inDoubt: [], replies: new Map()});
    const [payer, store] = [payingTeacher(), openAnswerStore({path: join(directory, 'answers')})];
    expect(await stack(payer, {store, journal}).ask(about(1))).toEqual([labelled(1)]);
    expect(payer.requests).toEqual([]);
    await Promise.all([journal.close(), store.close()]);
  });

  it('reads a paid reply whose answers were not kept, instead of asking again', async () => {
    const directory = await leftUnread(labels([1, 2]), 1, 2);
    const [payer, ledger, store] = [payingTeacher(), createLedger(), newStore()];
    const journal = await openJournal(directory);
    const outcomes = await stack(payer, {store, ledger, journal}).ask(about(1, 2, 3));
    expect(outcomes).toEqual([labelled(1), labelled(2), labelled(3)]);
    expect(payer.requests).toEqual([[3]]);
    expect(ledger.snapshot()).toMatchObject({asked: 3, bought: 1, cached: 2, calls: 1});
    expect(await store.get(keysOf(1)[0]!)).toMatchObject({receipt: {model: 'fake-1'}, reply: {}, reader: 1});
    expect(journal.recovered.replies.size).toBe(0);
    await journal.close();
    expect((await openJournal(directory)).recovered.replies.size).toBe(0);
  });

  it('serves it with nothing asked at all, though its queries come apart', async () => {
    const journal = await openJournal(await leftUnread(labels([1, 2]), 1, 2));
    const payer = payingTeacher();
    const teacher = stack(payer, {store: newStore(), journal});
    expect(await teacher.ask(about(2))).toEqual([labelled(2)]);
    expect(await teacher.ask(about(1))).toEqual([labelled(1)]);
    expect(payer.requests).toEqual([]);
  });

  it('asks again if the reply can not be read', async () => {
    const journal = await openJournal(await leftUnread({status: 200, headers: {}, body: '{'}, 1, 2));
    const payer = payingTeacher();
    const outcomes = await stack(payer, {store: newStore(), journal}).ask(about(1, 2));
    expect(outcomes).toEqual([labelled(1), labelled(2)]);
    expect(payer.requests).toEqual([[1, 2]]);
  });
});

describe('a quarantined query', () => {
  const unreadable: Respond = numbers => ok({labels: numbers.map(number => (number === 2 ? 9 : number % 3))});

  /** Asks about 1 and 2, of which 2 is quarantined. */
  async function quarantined() {
    const directory = await folder();
    const journal = await openJournal(directory);
    const [payer, ledger, store] = [payingTeacher(unreadable), createLedger(), newStore()];
    const outcomes = await stack(payer, {store, ledger, journal}).ask(about(1, 2));
    expect(outcomes).toMatchObject([labelled(1), {error: {message: expect.stringContaining('Its label is none.')}}]);
    expect(payer.requests).toEqual([[1, 2], [2]]);
    expect(ledger.snapshot()).toMatchObject({bought: 1, setAside: 1, calls: 2});
    await journal.close();
    return {directory, store};
  }

  it('was asked about twice, is not asked about again, and says why', async () => {
    const {directory, store} = await quarantined();
    const payer = payingTeacher();
    const journal = await openJournal(directory);
    expect(await stack(payer, {store, journal}).ask(about(1, 2))).toMatchObject([
      labelled(1),
      {error: {message: expect.stringMatching(/It is quarantined: Its label is none\. `--retry-quarantined` asks/)}},
    ]);
    expect(payer.requests).toEqual([]);
  });

  it('is asked about again if that is wished for, and is not quarantined any more', async () => {
    const {directory, store} = await quarantined();
    const journal = await openJournal(directory);
    const again = stack(payingTeacher(), {store, journal, retryQuarantined: true});
    expect(await again.ask(about(1, 2))).toEqual([labelled(1), labelled(2)]);
    await journal.close();
    expect((await openJournal(directory)).quarantined.size).toBe(0);
  });

  it('is read by a better reader without asking', async () => {
    const {directory, store} = await quarantined();
    const payer = payingTeacher();
    const lenient = {
      ...payer.service,
      reader: 2,
      read: (_: Reply, count: number) => new Array(count).fill(labelled(2)),
    };
    const journal = await openJournal(directory);
    const outcomes = await stack({...payer, service: lenient}, {store, journal}).ask(about(1, 2));
    // It reads what the other one could read, too.
    expect(outcomes).toEqual([labelled(2), labelled(2)]);
    expect(payer.requests).toEqual([]);
  });
});
