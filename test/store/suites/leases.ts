import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdir, mkdtemp, rm} from 'node:fs/promises';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as wait} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import {afterEach, beforeEach, expect, it} from 'vitest';
import type {TakenOver} from '../../../src/store/leases.ts';
import {type AnswerStore, type AnswerStoreOptions, openAnswerStore} from '../../../src/store/store.ts';

function start(script: string, ...given: readonly string[]): ChildProcess {
  const path = fileURLToPath(new URL(`../${script}`, import.meta.url));
  const command = ['--import', import.meta.resolve('tsx'), path, ...given];
  return spawn(process.execPath, command, {stdio: ['ignore', 'pipe', 'inherit']});
}

const MINUTE = 60_000;

/**
 * What the leases of every store do that several processes can share.
 *
 * @param empty - a store that holds nothing
 */
export function testLeases(empty: (folder: string) => Promise<AnswerStoreOptions>): void {
  let folder: string;
  let options: AnswerStoreOptions;
  let [one, two]: AnswerStore[] = [];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'limbeck-leases-'));
    options = await empty(folder);
    one = openAnswerStore(options);
    two = openAnswerStore(options);
  });
  afterEach(async () => {
    await Promise.all([one?.close(), two?.close()]);
    await rm(folder, {recursive: true});
  });

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
    const holder = start('lease-holder.ts', JSON.stringify(options), 'a');
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
    await one!.leases.acquire(['a', 'b'], MINUTE, note);
    await one!.leases.release(['b']);
    expect(await two!.leases.acquire(['a', 'b', 'c'], MINUTE, note)).toEqual([false, true, true]);
    expect(taken).toEqual([]);
    await one!.leases.renew(['a'], 50);
    await wait(100);
    expect(await two!.leases.acquire(['a'], MINUTE, note)).toEqual([true]);
    expect(taken.splice(0)).toEqual([{key: 'a', isJournaled: false}]);

    const journal = join(folder, 'journal');
    await mkdir(journal);
    const holder = start('lease-holder.ts', JSON.stringify({...options, journal}), 'd');
    await once(holder.stdout!, 'data');
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    const same = openAnswerStore({...options, journal});
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
    const workers = ['one', 'two'].map(() => start('lease-worker.ts', JSON.stringify(options), url, '2000'));
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
}
