import {mkdir, open, readFile, rm, truncate, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {type HostileService, spawnHostileService} from '../hostile-service.ts';
import {NO_REDIS, type RedisServer, startRedis} from '../redis.ts';
import {LABEL, type Labelled, paidAgain, untilAsked, usefulPayments, workAt} from './hostile-work.ts';
import {workplace} from './limbeck.ts';

const {folder, start, run, json} = workplace();
const INPUTS = 1500;

/** A service of its own for each test, so that its books are of that test alone. */
async function withService<T>(use: (service: HostileService) => Promise<T>): Promise<T> {
  const service = await spawnHostileService({delay: 5});
  try {
    return await use(service);
  } finally {
    await service.close();
  }
}

const allOnce = new Map([[1, INPUTS]]);

describe('limbeck label whose answers can not be kept', () => {
  it('stops when the disk is full, and what was stored before is there afterwards', async () => {
    await withService(async service => {
      const env = workAt(service, {inputs: INPUTS});
      const command = [...LABEL, '--cache', 'full/answers', '--out', 'full'];
      const stopped = await run(command, {env, fileBlocks: 900});
      expect(stopped).toMatchObject({code: 1, stdout: ''});
      expect(stopped.stderr).toMatch(
        /limbeck: The .* can't be written: .*Check its path, its permissions and the free/m,
      );
      expect(stopped.stderr).not.toContain('unexpected');
      const {requests} = await service.stats();
      expect(requests).toBeGreaterThan(0);
      expect(requests).toBeLessThan(INPUTS);

      const {levels} = await json<Labelled>(command, {env});
      expect(levels).toMatchObject([{answers: INPUTS, missing: 0}]);
      expect(usefulPayments(await service.stats())).toEqual(allOnce);
    });
  });

  it.each([
    [
      'a file stands in the place of the cache folder',
      () => writeFile(join(folder(), 'blocked'), ''),
      'blocked/answers',
    ],
    ['the file of answers is none', () => writeFile(join(folder(), 'other'), 'a'.repeat(10_000)), 'other'],
    ['the file of answers is a device', () => {}, '/dev/null'],
    ['the file of answers is a folder', () => mkdir(join(folder(), 'folder')), 'folder'],
    ['the folder of answers can not be made', () => {}, '/proc/answers'],
    ['the folder above it can not be made', () => {}, '/proc/limbeck/answers'],
  ])('asks nothing where %s', async (_, prepare, cache) => {
    await prepare();
    await withService(async service => {
      const stopped = await run([...LABEL, '--cache', cache], {env: workAt(service, {inputs: 20})});
      expect(stopped).toMatchObject({code: 1, stdout: '', stderr: expect.stringMatching(/^limbeck: The /)});
      expect((await service.stats()).requests).toBe(0);
    });
  });

  it.each([
    ['whose head was overwritten', overwriteHead],
    ['whose first page is zeros', (path: string) => overwriteHead(path, Buffer.alloc(4096))],
    ['that was cut off', (path: string) => truncate(path, 5000)],
  ])('asks nothing with a file of answers %s', async (what, spoil) => {
    await withService(async service => {
      const env = workAt(service, {inputs: 50});
      const command = [...LABEL, '--cache', `spoilt ${what}/answers`];
      await json(command, {env});
      const {requests} = await service.stats();
      await spoil(join(folder(), command.at(-1)!));
      const stopped = await run([...command, '--json'], {env: {...env, TEST_INPUTS: '60'}});
      expect(stopped).toMatchObject({signal: null, stdout: ''});
      expect(stopped.code).not.toBe(0);
      expect(stopped.stderr).toMatch(/^limbeck: The answer store/m);
      expect((await service.stats()).requests).toBe(requests);
    });
  });
});

async function overwriteHead(path: string, head = Buffer.alloc(8192, 'x')): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(head, 0, head.length, 0);
  await file.close();
}

describe('two processes that label one set at once', () => {
  it('ask nothing twice with one file of answers', () => labelTogether(() => 'shared/answers'));
});

const redis = await startRedis();

describe.skipIf(redis === undefined)(`limbeck label with a Redis server${redis ? '' : ` (${NO_REDIS})`}`, () => {
  const {url, command, start: startServer, stop} = redis as RedisServer;
  beforeAll(() => command('FLUSHALL'));
  afterAll(stop);

  it('asks nothing twice where two processes label one set at once', () => labelTogether(() => url));

  it('stops when the server goes, and what was stored before is there afterwards', async () => {
    await command('FLUSHALL');
    // Otherwise all answers would be found there.
    await rm(join(folder(), '.limbeck'), {recursive: true});
    await withService(async service => {
      const env = workAt(service, {inputs: INPUTS});
      const label = [...LABEL, '--cache', url, '--out', 'gone'];
      const running = start(label, {env});
      await untilAsked(service, INPUTS / 3);
      // It never answers to this.
      void command('SHUTDOWN', 'SAVE');
      const stopped = await running.finished;
      expect(stopped).toMatchObject({code: 1, stdout: ''});
      expect(stopped.stderr).toMatch(/^limbeck: The answer store \(redis:/m);
      const {requests} = await service.stats();
      expect(requests).toBeLessThan(INPUTS);

      await startServer();
      const {levels} = await json<Labelled>(label, {env});
      expect(levels).toMatchObject([{answers: INPUTS, missing: 0}]);
      expect(usefulPayments(await service.stats())).toEqual(allOnce);
    });
  });
});

async function labelTogether(cache: () => string): Promise<void> {
  await withService(async service => {
    const env = workAt(service, {inputs: INPUTS});
    const outs = ['first', 'second'];
    const labelled = await Promise.all(
      outs.map(out => json<Labelled>([...LABEL, '--cache', cache(), '--out', out], {env})),
    );
    const bought = labelled.map(({levels}) => levels[0]!.bought);
    expect(labelled).toMatchObject(outs.map(() => ({levels: [{answers: INPUTS, missing: 0}]})));
    expect(bought[0]! + bought[1]!).toBe(INPUTS);
    const stats = await service.stats();
    expect(paidAgain(stats)).toEqual([]);
    expect(usefulPayments(stats)).toEqual(allOnce);
    const [first, second] = await Promise.all(
      outs.map(out => readFile(join(folder(), out, 'knowledge/gray-box.safetensors'))),
    );
    expect(first!.equals(second!)).toBe(true);
  });
}
