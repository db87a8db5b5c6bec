import {mkdir, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {setTimeout} from 'node:timers/promises';
import {afterAll, beforeEach, describe, expect, it} from 'vitest';
import {randomInteger, seededRandom} from '../../src/data/random.ts';
import {NO_POSTGRES, startPostgres} from '../postgres.ts';
import {NO_REDIS, startRedis} from '../redis.ts';
import {
  hostileWorkplace,
  LABEL,
  type Labelled,
  secondPayments,
  untilAsked,
  usefulPayments,
  workAt,
} from './hostile-work.ts';
import type {Running} from './limbeck.ts';

const {folder, start, json, serve} = hostileWorkplace();
const [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
afterAll(() => Promise.all([redis?.stop(), postgres?.stop()]));

const INPUTS = 1200;
const KILLS = Number(process.env['TEST_KILLS'] ?? 4);

describe.each([
  ['one file of answers', '', async () => '.limbeck/answers'],
  ['Redis', redis ? '' : NO_REDIS, () => redis!.command('FLUSHALL').then(() => redis!.url)],
  ['PostgreSQL', postgres ? '' : NO_POSTGRES, () => postgres!.database()],
])('two processes that label one set over %s', (name, problem, empty) => {
  let cache: string;
  beforeEach(async context => {
    context.skip(problem !== '', problem);
    cache = await empty();
    await rm(join(folder(), '.limbeck'), {recursive: true, force: true});
    await mkdir(join(folder(), '.limbeck'));
  });

  const label = (out: string) => [...LABEL, '--cache', cache, '--out', out];

  it('share the work, and ask nothing twice', async () => {
    const service = await serve({delay: 20});
    const env = workAt(service, {inputs: INPUTS, concurrency: 4});
    const both = await Promise.all(['first', 'second'].map(out => json<Labelled>(label(out), {env})));
    const bought = both.map(({levels}) => levels[0]!.bought);
    expect(bought[0]! + bought[1]!).toBe(INPUTS);
    for (const count of bought) expect(count).toBeGreaterThan(INPUTS / 4);
    expect(usefulPayments(await service.stats())).toEqual(new Map([[1, INPUTS]]));
  });

  it(
    'name all that is paid for twice when they are killed again and again',
    async () => {
      const service = await serve({rate: 0.03, retryAfter: 0.05, delay: 10, seed: 5});
      const env = workAt(service, {inputs: INPUTS, concurrency: 16});
      const random = seededRandom(3);
      const running: Running[] = [start(label('first'), {env}), start(label('second'), {env})];
      const hasEnded = () => running.every(one => one.hasEnded());
      for (let kill = 0; kill < KILLS && !hasEnded(); kill++) {
        const {requests} = await service.stats();
        await untilAsked(service, requests + randomInteger(random, 50, Math.floor(INPUTS / KILLS)), hasEnded);
        await setTimeout(randomInteger(random, 0, 30));
        const which = randomInteger(random, 0, 1);
        running[which]!.kill('SIGKILL');
        await running[which]!.finished;
        running[which] = start(label(which === 0 ? 'first' : 'second'), {env});
      }
      await Promise.all(running.map(({finished}) => finished));
      const {levels} = await json<Labelled>(label('last'), {env});
      expect(levels).toMatchObject([{answers: INPUTS, missing: 0}]);

      const {again, unnamed, named, doubtful} = await secondPayments(service, folder(), INPUTS);
      expect(unnamed).toEqual([]);
      expect(named).toBeLessThanOrEqual(KILLS * 16 + doubtful);
      if (process.env['TEST_KILLS']) console.log(`${name}: ${again.length} paid again, ${named} named`);
    },
    KILLS * 60_000,
  );
});
