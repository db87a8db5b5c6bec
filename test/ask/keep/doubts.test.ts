import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {createServer, type Server} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {openai} from '../../../adapters/openai.ts';
import {openAsking} from '../../../src/ask/asking.ts';
import {askAll} from '../../../src/ask/batches.ts';
import {TeacherError} from '../../../src/errors.ts';
import {openJournal} from '../../../src/store/journal/journal.ts';
import {answerKey} from '../../../src/store/stored-answer.ts';
import type {Reply, Teacher} from '../../../src/teacher.ts';
import {about} from '../fake-teacher.ts';
import {labels, payingTeacher, type Respond} from '../paying-teacher.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-doubts-'));
});

afterEach(() => rm(folder, {recursive: true}));

const queries = about(...Array.from({length: 40}, (_, number) => number));

/** Asks in a run of its own, and returns its notes about doubts and the error that ended it. */
async function ask(teacher: Teacher) {
  const notes: string[] = [];
  const onNote = (note: string) => void notes.push(note);
  const asking = await openAsking({cache: join(folder, 'answers'), journal: join(folder, 'journal'), onNote});
  const left = asking.inDoubt.keys.length;
  try {
    const error = await askAll(asking.open(teacher).teacher, queries).then(
      () => undefined,
      (thrown: unknown) => thrown as Error,
    );
    return {left, notes: notes.filter(note => note.includes('charged for')), error};
  } finally {
    await asking.close();
  }
}

const listed = async () => (await readFile(join(folder, 'journal', 'in-doubt.txt'), 'utf8')).trimEnd().split('\n');

const broken: Respond = () => {
  throw new TeacherError('a payer', 'The connection broke.', {inDoubt: true});
};
const payer = (respond: Respond, number = 1) =>
  payingTeacher(respond, {identity: {service: 'payer', number}, maxBatch: 1, concurrency: 16});

describe('what an earlier run left in doubt', () => {
  it('is told once, to a run that asks the same teacher', async () => {
    await ask(payer(broken));
    const other = await ask(payer(labels, 2));
    expect(other).toMatchObject({notes: [], error: undefined});
    const same = await ask(payer(labels));
    expect(same.left).toBeGreaterThan(0);
    expect(same.notes).toEqual([
      expect.stringMatching(
        new RegExp(`^An earlier run ended while ${same.left} inputs were under way .* are asked about again\\.$`),
      ),
    ]);
    expect(await listed()).toHaveLength(same.left);
    expect(await ask(payer(labels))).toEqual({left: 0, notes: [], error: undefined});
    expect(await listed()).toHaveLength(same.left);
  });

  it('is told again only if it was sent again, and is listed once', async () => {
    const first = await ask(payer(broken));
    expect(first).toMatchObject({left: 0, notes: []});
    for (let run = 0; run < 5; run++) {
      const again = await ask(payer(broken));
      expect(again.left).toBeGreaterThan(0);
      expect(again.notes).toHaveLength(1);
    }
    const keys = (await listed()).map(line => line.split(' ')[1]);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys.length).toBeLessThanOrEqual(queries.length);
  });

  it('stays told if the run that told it ends before it asks', async () => {
    await ask(payer(broken));
    const failing = payingTeacher(
      () => {
        throw new TeacherError('a payer', 'Nothing answers.');
      },
      {identity: {service: 'payer', number: 1}, maxBatch: 1},
    );
    expect((await ask(failing)).notes).toHaveLength(1);
    expect(await ask(payer(labels))).toEqual({left: 0, notes: [], error: undefined});
  });
});

describe('a query whose reply could not be read, and that was asked again', () => {
  const keys = [answerKey(payer(labels).identity, queries[7]!)];

  /** A journal as a process leaves it that was killed while it asked again. */
  async function leave(...replies: readonly Reply[]): Promise<void> {
    const journal = await openJournal(join(folder, 'journal'));
    for (const reply of replies) await journal.replied(await journal.sent(keys), reply);
    await journal.sent(keys);
    await journal.close();
  }

  it('is told', async () => {
    await leave({status: 200, headers: {}, body: 'no JSON'});
    expect(await ask(payer(labels))).toMatchObject({left: 1, notes: [expect.stringContaining(keys[0]!.slice(0, 12))]});
    expect(await listed()).toHaveLength(1);
    expect(await ask(payer(labels))).toEqual({left: 0, notes: [], error: undefined});
  });

  it('is not told if its reply can be read after all', async () => {
    await leave(labels([7]));
    const asked = payer(labels);
    expect(await ask(asked)).toMatchObject({notes: [], error: undefined});
    expect(asked.requests.flat()).not.toContain(7);
  });
});

describe('a request that never left', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  /** The port of a server that ends every connection; a closed one if `isOpen` is false. */
  async function port(isOpen: boolean): Promise<number> {
    const server = createServer(socket => socket.once('data', () => socket.end()).on('error', () => {}));
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const {port} = server.address() as {readonly port: number};
    if (isOpen) servers.push(server);
    else await new Promise(resolve => server.close(resolve));
    return port;
  }

  it.each([
    ['to a port where nothing listens', async () => `http://127.0.0.1:${await port(false)}`, true],
    ['to a host that does not exist', async () => 'http://teacher.invalid', true],
    ['over TLS, to a server that speaks none', async () => `https://127.0.0.1:${await port(true)}`, true],
    ['but one that was written', async () => `http://127.0.0.1:${await port(true)}`, false],
  ])('%s, is in doubt or not', async (_, address, isClear) => {
    const options = {model: 'm', classes: ['a', 'b'], output: 'label', key: 'none'} as const;
    const teacher = openai({...options, url: `${await address()}/v1`});
    expect((await ask(teacher)).error).toBeInstanceOf(TeacherError);
    expect((await ask(teacher)).left === 0).toBe(isClear);
  });
});
