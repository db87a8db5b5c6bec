import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {Redis} from 'ioredis';
import {openAnswerStore} from 'limbeck';
import {afterAll, beforeEach, describe, expect, it} from 'vitest';
import {plain} from '../fixtures/written-before/asking.ts';
import {NO_REDIS, startRedis} from '../redis.ts';

const written = join(import.meta.dirname, '../fixtures/written-before');
const redis = await startRedis();
const client = redis && new Redis(redis.url);
afterAll(async () => {
  client?.disconnect();
  await redis?.stop();
});

const read = (name: string): unknown => JSON.parse(readFileSync(join(written, name), 'utf8'));
const answers = read('answers.json') as readonly {readonly key: string; readonly stored: unknown}[];

describe.each(['whole', 'short'])('answers in Redis that were written %s', form => {
  beforeEach(async context => {
    context.skip(redis === undefined, NO_REDIS);
    await client!.flushall();
    await client!.mset(read(`redis-${form}.json`) as Record<string, string>);
  });

  it('are as they were, and are counted and listed', async () => {
    const store = openAnswerStore({url: redis!.url});
    const found = await store.getMany(answers.map(({key}) => key));
    expect(plain(found)).toEqual(answers.map(({stored}) => stored));
    expect(await store.count()).toBe(answers.length);
    const listed = [];
    for await (const {key} of store.entries()) listed.push(key);
    expect(listed.sort()).toEqual(answers.map(({key}) => key).sort());
    await store.close();
  });
});
