import {mkdtemp, readdir, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {basename, join} from 'node:path';
import {afterAll, afterEach, beforeEach, describe, expect, it} from 'vitest';
import {LmdbLeases} from '../../src/store/lmdb/leases.ts';
import {openAnswerStore} from '../../src/store/store.ts';
import {NO_REDIS, startRedis} from '../redis.ts';
import {testLeases} from './suites/leases.ts';

const redis = await startRedis();
afterAll(() => redis?.stop());

const MINUTE = 60_000;

describe('leases of the embedded store', () => testLeases(async folder => ({path: join(folder, 'answers.lmdb')})));

describe.skipIf(redis === undefined)(`leases of Redis${redis ? '' : ` (${NO_REDIS})`}`, () =>
  testLeases(async () => {
    await redis!.command('FLUSHALL');
    return {url: redis!.url};
  }),
);

describe('leases of the embedded store in their file', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'limbeck-leases-'));
  });
  afterEach(() => rm(folder, {recursive: true}));

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
