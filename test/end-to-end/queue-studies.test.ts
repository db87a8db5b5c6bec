import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {afterAll, afterEach, beforeAll, describe, expect, it} from 'vitest';
import type {QuestionsResults} from '../../src/study/joint/results.ts';
import type {Results} from '../../src/study/results.ts';
import {until} from '../built.ts';
import {NO_REDIS, type RedisServer, startRedis} from '../redis.ts';
import {startMotoBucket} from '../servers/moto.ts';
import {fixture, type Running, workplace} from './limbeck.ts';
import {numbersOf} from './numbers.ts';

const {folder, start, json} = workplace();
const redis = await startRedis();
afterAll(() => redis?.stop());
const moto = await startMotoBucket('known');
afterAll(() => moto?.stop());

const THREADS = {TF_NUM_INTRAOP_THREADS: '1'};

describe.skipIf(redis === undefined)(`a study on a queue${redis ? '' : ` (${NO_REDIS})`}`, () => {
  const {url, command, kill: killServer, start: startServer} = redis as RedisServer;
  let running: Running[] = [];
  beforeAll(() => command('FLUSHALL'));
  afterEach(async () => {
    for (const one of running) if (!one.hasEnded()) one.kill('SIGKILL');
    await Promise.all(running.map(({finished}) => finished));
    running = [];
  });

  const begin = (args: readonly string[], env = {}): Running => {
    const one = start(args, {env: {...THREADS, ...env}});
    running.push(one);
    return one;
  };
  const worker = (recipe: string, env = {}) => begin(['worker', url, '--recipe', fixture(recipe)], env);
  const alone = <T>(recipe: string, out: string, env = {}) =>
    json<T>(['compare', fixture(recipe), '--workers', '2', '--out', out], {env: {...THREADS, ...env}});
  const onQueue = async <T>(recipe: string, out: string, env = {}, flags: readonly string[] = []): Promise<T> => {
    const one = begin(['compare', fixture(recipe), '--queue', url, '--out', out, '--json', ...flags], env);
    const {code, stdout, stderr} = await one.finished;
    expect({code, stderr: code === 0 ? '' : stderr}).toEqual({code: 0, stderr: ''});
    return JSON.parse(stdout) as T;
  };
  const studentsIn = (out: string) => {
    const root = join(folder(), out, 'students');
    const files = readdirSync(root, {recursive: true, encoding: 'utf8'}).filter(path => path.endsWith('weights.bin'));
    return files.sort().map(path => [path, readFileSync(join(root, path)).toString('base64')]);
  };

  const knowledge = moto ? 'knowledge in a bucket' : 'knowledge in Redis';

  it(`has the numbers and the students of one process, its trials too, with ${knowledge}`, async () => {
    const one = await alone<Results>('tuned.ts', 'tuned-alone');
    const env = moto?.variables ?? {};
    const workers = [worker('tuned.ts', env), worker('tuned.ts', env)];
    const flags = moto ? ['--knowledge', 's3://known/tuned'] : [];
    const shared = await onQueue<Results>('tuned.ts', 'tuned-queue', env, flags);
    expect(numbersOf(shared.rows)).toEqual(numbersOf(one.rows));
    expect(shared.methods.map(({tuning}) => tuning)).toEqual(one.methods.map(({tuning}) => tuning));
    expect(studentsIn('tuned-queue')).toEqual(studentsIn('tuned-alone'));
    expect(shared.failures).toEqual([]);
    await until('both trained', () => workers.every(({stderr}) => stderr().includes('Trains students for study')));
    // Nothing is left on the queue.
    expect(await json(['queue', 'status', url])).toMatchObject({runs: [], studies: []});
  });

  it('waits for a Redis that is away, survives the end of a worker and of its coordinator, and trains nothing again that is there', async () => {
    const env = {TEST_MARKER: 'queue-died-once'};
    const one = await alone<QuestionsResults>('questions.ts', 'joint-alone', {TEST_MARKER: 'alone-died-once'});
    await killServer();
    const first = begin(['compare', fixture('questions.ts'), '--queue', url, '--out', 'joint-queue', '--json'], env);
    await until('it waits for Redis', () => first.stderr().includes('is away. It is waited for.'));
    await startServer();
    const lost = worker('questions.ts', env);
    await until('it trains', () => lost.stderr().includes('Trains students for study'));
    lost.kill('SIGKILL');
    first.kill('SIGKILL');
    await first.finished;
    worker('questions.ts', env);
    const shared = await onQueue<QuestionsResults>('questions.ts', 'joint-queue', env);
    for (const [index, {results}] of one.questions.entries()) {
      expect(numbersOf(shared.questions[index]!.results.rows)).toEqual(numbersOf(results.rows));
      expect(shared.questions[index]!.results.failures).toEqual([]);
    }
    expect(studentsIn('joint-queue')).toEqual(studentsIn('joint-alone'));
  });
});
