import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdir, mkdtemp, readdir, rm, writeFile} from 'node:fs/promises';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import {basename, join} from 'node:path';
import {setTimeout as wait} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import {afterAll, afterEach, beforeEach, describe, expect, it} from 'vitest';
import type {TakenOver} from '../../src/store/leases.ts';
import {LmdbLeases} from '../../src/store/lmdb/leases.ts';
import {type AnswerStore, type AnswerStoreOptions, openAnswerStore} from '../../src/store/store.ts';
import {NO_REDIS, startRedis} from '../redis.ts';

const redis = await startRedis();
afterAll(() => redis?.stop());

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-leases-'));
});

afterEach(async () => {
  await rm(folder, {recursive: true});
});

function start(script: string, ...given: readonly string[]): ChildProcess {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const command = ['--import', import.meta.resolve('tsx'), path, ...given];
  return spawn(process.execPath, command, {stdio: ['ignore', 'pipe', 'inherit']});
}

const MINUTE = 60_000;

describe.each([
  ['the embedded store', (): AnswerStoreOptions => ({path: join(folder, 'answers.lmdb')})],
  ['Redis', (): AnswerStoreOptions => ({url: redis?.url ?? ''})],
])('leases of %s', (name, options) => {
  let [one, two]: AnswerStore[] = [];
  beforeEach(async context => {
    context.skip(name === 'Redis' && redis === undefined, NO_REDIS);
    await redis?.kill();
    await redis?.start();
    one = openAnswerStore(options());
    two = openAnswerStore(options());
  });
  afterEach(() => Promise.all([one?.close(), two?.close()]));

  it('are had by one at a time, each key for itself', async () => {
    expect(one!.leases.shared).toBe(true);
    expect(await one!.leases.acquire(['a', 'b'], MINUTE)).toEqual([true, true]);
    expect(await two!.leases.acquire(['b', 'c', 'a'], MINUTE)).toEqual([false, true, false]);
    expect(await one!.leases.acquire(['a', 'd'], MINUTE)).toEqual([false, true]);
    expect(await one!.leases.acquire([], MINUTE)).toEqual([]);
  });

  it('are given back by their holder alone', async () => {
    await one!.leases.acquire(['a', 'b'], MINUTE);
    await two!.leases.release(['a', 'x']);
    expect(await two!.leases.acquire(['a'], MINUTE)).toEqual([false]);
    await one!.leases.release(['a']);
    expect(await two!.leases.acquire(['a', 'b'], MINUTE)).toEqual([true, false]);
  });

  it('end by themselves, unless they are renewed in time', async () => {
    await one!.leases.acquire(['a', 'b'], 400);
    expect(await one!.leases.renew(['b', 'x'], MINUTE)).toEqual([true, false]);
    expect(await two!.leases.renew(['b'], MINUTE)).toEqual([false]);
    await wait(500);
    expect(await two!.leases.acquire(['a', 'b'], MINUTE)).toEqual([true, false]);
    expect(await one!.leases.renew(['a', 'b'], MINUTE)).toEqual([false, true]);
    await one!.leases.release(['a']);
    expect(await one!.leases.acquire(['a'], MINUTE)).toEqual([false]);
  });

  it('end with the process of their holder', async () => {
    const holder = start('lease-holder.ts', JSON.stringify(options()), 'a');
    expect(String(await once(holder.stdout!, 'data'))).toBe('true\n');
    expect(await one!.leases.acquire(['a', 'b'], MINUTE)).toEqual([false, true]);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    expect(await two!.leases.acquire(['a', 'b'], MINUTE)).toEqual([true, false]);
    expect(await one!.leases.acquire(['a'], MINUTE)).toEqual([false]);
  });

  it('tell whoever takes them over that they were not given back, and whether the journal says what was sent', async () => {
    const taken: TakenOver[] = [];
    const note = (some: readonly TakenOver[]) => void taken.push(...some);
    await one!.leases.acquire(['a', 'b'], 100, note);
    await one!.leases.release(['b']);
    expect(await two!.leases.acquire(['a', 'b', 'c'], MINUTE, note)).toEqual([false, true, true]);
    expect(taken).toEqual([]);
    await wait(200);
    expect(await two!.leases.acquire(['a'], MINUTE, note)).toEqual([true]);
    expect(taken.splice(0)).toEqual([{key: 'a', isJournaled: false}]);

    const journal = join(folder, 'journal');
    await mkdir(journal);
    const holder = start('lease-holder.ts', JSON.stringify({...options(), journal}), 'd');
    await once(holder.stdout!, 'data');
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    const same = openAnswerStore({...options(), journal});
    expect(await same.leases.acquire(['d'], MINUTE, note)).toEqual([true]);
    expect(taken).toEqual([{key: 'd', isJournaled: true}]);
    await same.close();
  });

  it('are no answers', async () => {
    await one!.leases.acquire(['a'], MINUTE);
    expect(await one!.count()).toBe(0);
    expect(await one!.get('a')).toBeUndefined();
  });

  it('let two processes label one set without asking anything twice', async () => {
    const asked = new Map<string, number>();
    const service = createServer(async (request, response) => {
      const key = request.url!.slice(1);
      asked.set(key, (asked.get(key) ?? 0) + 1);
      await wait(2);
      response.end();
    }).listen(0, '127.0.0.1');
    await once(service, 'listening');
    const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
    const workers = ['one', 'two'].map(() => start('lease-worker.ts', JSON.stringify(options()), url, '2000'));
    const codes = await Promise.all(workers.map(worker => once(worker, 'exit')));
    service.closeAllConnections();
    service.close();
    expect(codes).toEqual([
      [0, null],
      [0, null],
    ]);
    expect(asked.size).toBe(2000);
    expect([...asked].filter(([, times]) => times !== 1)).toEqual([]);
    expect(await one!.count()).toBe(2000);
  });
});

describe('leases of the embedded store', () => {
  it.skipIf(process.platform !== 'linux')('are in a file of their own each time the machine is started', async () => {
    const path = join(folder, 'leases');
    const old = `${path}-00000000-0000-0000-0000-000000000000`;
    // As a power cut may leave it: LMDB would end the process that opens it.
    await Promise.all([old, `${old}-lock`].map(file => writeFile(file, Buffer.alloc(8192, 'x'))));
    const leases = new LmdbLeases(path);
    expect(await leases.acquire(['a'], MINUTE)).toEqual([true]);
    const files = await readdir(folder);
    expect(files.filter(file => !file.includes('-lock'))).toEqual([expect.stringMatching(/^leases-[0-9a-f-]{36}$/)]);
    expect(files).not.toContain(basename(old));
    await leases.close();
  });

  it('end at the time that was said, to the millisecond', async () => {
    let now = 1_000_000;
    const path = join(folder, 'leases');
    const [one, two] = [new LmdbLeases(path, () => now), new LmdbLeases(path, () => now)];
    await one.acquire(['a', 'b'], 500);
    now += 499;
    expect(await two.acquire(['a'], 500)).toEqual([false]);
    await one.renew(['b'], 500);
    now += 1;
    expect(await two.acquire(['a', 'b'], 500)).toEqual([true, false]);
    now += 498;
    expect(await two.acquire(['b'], 500)).toEqual([false]);
    now += 1;
    expect(await two.acquire(['b'], 500)).toEqual([true]);
    await one.close();
    await two.close();
  });
});

describe('leases of a store that keeps none', () => {
  it('say so, and everybody has them', async () => {
    const store = openAnswerStore({store: new Map()});
    expect(store.leases.shared).toBe(false);
    expect(await store.leases.acquire(['a', 'b'], MINUTE)).toEqual([true, true]);
    expect(await store.leases.acquire(['a'], MINUTE)).toEqual([true]);
    expect(await store.leases.renew(['a'], MINUTE)).toEqual([true]);
    await store.leases.release(['a']);
  });
});
