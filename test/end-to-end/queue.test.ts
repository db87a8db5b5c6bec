import {existsSync} from 'node:fs';
import {cp, mkdir, readFile, rm, symlink, writeFile} from 'node:fs/promises';
import {join, resolve} from 'node:path';
import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, it} from 'vitest';
import {QueueRuns, type RunFacts} from '../../src/queue/facts.ts';
import {openQueueServer, type QueueServer} from '../../src/queue/server.ts';
import {until} from '../built.ts';
import type {HostileService} from '../hostile-service.ts';
import {NO_POSTGRES, PASSWORD, startPostgres} from '../postgres.ts';
import {NO_REDIS, type RedisServer, startRedis} from '../redis.ts';
import {
  hostileWorkplace,
  LABEL,
  type Labelled,
  secondPayments,
  untilAsked,
  usefulPayments,
  workAt,
} from './hostile-work.ts';
import {fixture, type Running} from './limbeck.ts';

const {folder, start, run, json, serve} = hostileWorkplace();
const [redis, postgres] = await Promise.all([startRedis('', 'yes'), startPostgres()]);
afterAll(() => Promise.all([redis?.stop(), postgres?.stop()]));

const INPUTS = 1100;
const CONCURRENCY = 4;

describe.skipIf(redis === undefined)(`labelling on a queue${redis ? '' : ` (${NO_REDIS})`}`, () => {
  const {url, command, kill: killServer, start: startServer} = redis as RedisServer;
  let service: HostileService;
  let env: Record<string, string>;
  let running: Running[] = [];
  let server: QueueServer;

  beforeAll(async () => {
    server = await openQueueServer(url, () => {});
    const calm = workAt(await serve({}), {inputs: INPUTS});
    // The knowledge of an undisturbed run.
    await json([...LABEL, '--out', 'single', '--cache', 'single/answers'], {env: calm});
  });
  afterAll(() => server.close());

  beforeEach(async () => {
    service = await serve({delay: 15});
    env = workAt(service, {inputs: INPUTS, concurrency: CONCURRENCY});
    await command('FLUSHALL');
    await rm(join(folder(), '.limbeck'), {recursive: true, force: true});
  });
  afterEach(async () => {
    for (const one of running) if (!one.hasEnded()) one.kill('SIGKILL');
    await Promise.all(running.map(({finished}) => finished));
    running = [];
  });

  const begin = (args: readonly string[], changes: Record<string, string> = {}): Running => {
    const one = start(args, {env: {...env, ...changes}});
    running.push(one);
    return one;
  };
  // A worker that asks services starts no engine. There is none of this name.
  const worker = (changes: Record<string, string> = {}) =>
    begin(['worker', url, '--recipe', fixture('hostile.ts')], {LIMBECK_ENGINE: 'none', ...changes});
  const LABEL_ON_QUEUE = [...LABEL, '--queue', url, '--range', '256', '--json'];
  const label = (out: string) => begin([...LABEL_ON_QUEUE, '--out', out]);
  const ended = async (one: Running): Promise<Labelled> => {
    const {code, stdout, stderr} = await one.finished;
    expect({code, stderr: code === 0 ? '' : stderr}).toEqual({code: 0, stderr: ''});
    return JSON.parse(stdout) as Labelled;
  };
  const knowledgeOf = (out: string) => readFile(join(folder(), out, 'knowledge/gray-box.safetensors'));
  const expectSameAsSingle = async (out: string) =>
    expect((await knowledgeOf(out)).equals(await knowledgeOf('single'))).toBe(true);

  const factsOfRun = async (): Promise<RunFacts | undefined> => {
    const queue = new QueueRuns(server);
    const [only] = await queue.runs(undefined);
    return only && queue.factsOf(only, await queue.workers());
  };

  it('answers every input, and names all that is paid for twice, if workers and a coordinator are killed', async () => {
    const first = label('first');
    const workers = [worker(), worker()];
    await untilAsked(service, 250);
    workers[0]!.kill('SIGKILL');
    workers.push(worker());
    await untilAsked(service, 500);
    first.kill('SIGKILL');
    const seconds = [label('second'), label('third')];
    await untilAsked(service, 700);
    workers[1]!.kill('SIGKILL');
    for (const one of seconds)
      expect(await ended(one)).toMatchObject({levels: [{answers: INPUTS, missing: 0, bought: 0}]});
    await expectSameAsSingle('second');
    await expectSameAsSingle('third');
    const {stats, unnamed, named} = await secondPayments(service, folder(), INPUTS);
    expect(Object.keys(stats.inputs)).toHaveLength(INPUTS);
    expect(unnamed).toEqual([]);
    expect(named).toBeLessThanOrEqual(2 * 2 * CONCURRENCY);
    // Nothing is left but the answers.
    expect(await factsOfRun()).toBeUndefined();
  });

  it('asks nothing while Redis is away, and goes on when it is back', async () => {
    const coordinator = label('restarted');
    const one = worker();
    await untilAsked(service, 300);
    await killServer();
    await until('the worker notes it', () => one.stderr().includes('is away. It is waited for'));
    await new Promise(resolve => setTimeout(resolve, 200));
    const {requests} = await service.stats();
    await new Promise(resolve => setTimeout(resolve, 1000));
    expect((await service.stats()).requests).toBe(requests);
    await startServer();
    await ended(coordinator);
    expect(one.stderr()).toContain('is back after');
    await expectSameAsSingle('restarted');
    expect(usefulPayments(await service.stats())).toEqual(new Map([[1, INPUTS]]));
  });

  it('has workers that wait for a Redis that is away when they begin, until they are stopped', async () => {
    await killServer();
    const [one, other] = [worker(), worker()];
    const waits = `Redis (${url}) is away. It is waited for.`;
    await until('both note it', () => [one, other].every(({stderr}) => stderr().includes(waits)));
    other.kill('SIGTERM');
    expect(await other.finished).toMatchObject({code: 0, stderr: expect.stringContaining('Redis was not reached')});
    await startServer();
    await until('it is there', () => one.stderr().includes('is back after') && one.stderr().includes('Waits for runs'));
  });

  it('keeps its answers in PostgreSQL, asks nothing while that is away, and pays nothing twice', async context => {
    context.skip(postgres === undefined, NO_POSTGRES);
    const {database, kill: crash, start: startAgain, sql} = postgres!;
    const cache = await database();
    const coordinator = begin([...LABEL_ON_QUEUE, '--cache', cache, '--out', 'elsewhere']);
    const workers = [1, 2].map(() => begin(['worker', url, '--recipe', fixture('hostile.ts'), '--cache', cache]));
    await untilAsked(service, 300);
    await crash();
    await until('the workers note it', () => workers.every(one => one.stderr().includes('It is waited for')));
    await new Promise(resolve => setTimeout(resolve, 200));
    const {requests} = await service.stats();
    await new Promise(resolve => setTimeout(resolve, 500));
    expect((await service.stats()).requests).toBe(requests);
    await startAgain();
    await ended(coordinator);
    await expectSameAsSingle('elsewhere');
    expect(usefulPayments(await service.stats())).toEqual(new Map([[1, INPUTS]]));
    expect(await sql(cache, `SELECT FROM limbeck_answers WHERE NOT starts_with(key, 'head-')`)).toHaveLength(INPUTS);
    expect(workers.map(one => one.stderr()).join()).not.toContain(PASSWORD);
  });

  it('spends one budget over all workers, and goes on with a larger one', async () => {
    const spend = (budget: string) => begin([...LABEL_ON_QUEUE, '--budget', budget, '--out', 'budget']);
    const first = spend('400calls');
    for (let count = 0; count < 3; count++) worker();
    const {code, stderr} = await first.finished;
    const {requests} = await service.stats();
    // The end of a budget is no failure.
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/inputs were not sent to the teacher. The budget of 400 calls has \d+ calls? left/),
    ]);
    expect(requests).toBe(400);
    await ended(spend('5000calls'));
    await expectSameAsSingle('budget');
    expect(usefulPayments(await service.stats())).toEqual(new Map([[1, INPUTS]]));
  });

  it('is stopped and gone on with: a worker gives back, `drain` begins nothing, Ctrl-C leaves the workers', async () => {
    const coordinator = label('stopped');
    const one = worker();
    await untilAsked(service, 100);
    // Dashboards find the workers of a queue by the names of their connections.
    expect(await command('CLIENT', 'LIST')).toMatch(/ name=bull:\S+:w:\S+ /);
    one.kill('SIGTERM');
    const {code, stderr} = await one.finished;
    expect([code, stderr]).toEqual([0, expect.stringContaining('Stopped. 0 ranges were answered here')]);
    expect(existsSync(join(folder(), '.limbeck/journal/in-doubt.txt'))).toBe(false);
    expect(await json(['queue', 'status', url])).toMatchObject({
      runs: [{name: 'hostile', isDrained: false, ranges: {total: 5, waiting: 5, held: 0, answered: 0, dead: 0}}],
      workers: [],
    });

    await json(['queue', 'drain', url, '--run', 'hostile']);
    const two = worker();
    coordinator.kill('SIGINT');
    expect((await coordinator.finished).code).toBe(130);
    expect(coordinator.stderr()).toContain('The workers go on. The same command');
    const {requests} = await service.stats();
    await until('the worker is there', async () => (await new QueueRuns(server).workers()).length === 1);
    expect((await service.stats()).requests).toBe(requests);
    expect(await run(['queue', 'resume', url])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('begin again'),
    });
    await ended(label('stopped'));
    expect(two.hasEnded()).toBe(false);
    await expectSameAsSingle('stopped');
    expect(usefulPayments(await service.stats())).toEqual(new Map([[1, INPUTS]]));
  });

  it('refuses a worker whose data, teacher or recipe is another, and says what differs', async () => {
    const coordinator = label('refused');
    await mkdir(join(folder(), 'node_modules'), {recursive: true});
    await symlink(resolve(import.meta.dirname, '../..'), join(folder(), 'node_modules/limbeck')).catch(() => {});
    await cp(fixture('hostile.ts'), join(folder(), 'other.ts'));
    await writeFile(join(folder(), 'other.ts'), `${await readFile(join(folder(), 'other.ts'), 'utf8')}\n// changed`);
    const others = [
      worker({TEST_INPUTS: '1101'}),
      worker({TEST_VERSION: '2'}),
      begin(['worker', url, '--recipe', 'other.ts']),
      begin(['worker', url]),
      begin(['worker', url, '--recipe', fixture('hostile.ts'), '--cache', 'elsewhere']),
    ];
    const said = [
      /the data of gray-box \(1100 queries, digest \w{12} in the run, 1101 queries, digest \w{12} here\)/,
      /the teacher of gray-box \(.*, digest of its identity (\w{12}) in the run, .*, digest of its identity (?!\1)\w{12} here\)/,
      /other\.ts \(\w{12} in the run, \w{12} here\)/,
      /outside of its coordinator’s folder. Start the worker with `--recipe`/,
      /kept in the Redis of the queue, and this worker has `--cache .*elsewhere`/,
    ];
    await until('all refuse', () => others.every((one, index) => said[index]!.test(one.stderr())), 30);
    await until('the coordinator tells why', () => /takes no part in this run/.test(coordinator.stderr()), 10);
    expect((await service.stats()).requests).toBe(0);
    expect(await factsOfRun()).toMatchObject({ranges: {total: 5, waiting: 5, dead: 0}});
  });

  it('keeps a range that the teacher refuses as dead with its reason, until it is put back', async () => {
    const locked = await serve({key: 'a key that nobody has'});
    const coordinator = label('dead');
    const refused = await worker({TEST_TEACHER_URL: locked.url}).finished;
    expect(refused).toMatchObject({code: 1, stderr: expect.stringMatching(/^limbeck: Teacher .*401/m)});
    const {dead} = await json<{dead: readonly {name: string; reason: string}[]}>(['queue', 'dead', url]);
    expect(dead.length).toBeGreaterThan(0);
    expect(dead[0]).toMatchObject({
      name: expect.stringMatching(/^hostile gray-box rows \d+:\d+$/),
      reason: expect.stringContaining('401'),
    });
    worker();
    const {code, stderr} = await coordinator.finished;
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('so that no knowledge is saved:\n  hostile gray-box rows '),
    ]);
    expect(await json(['queue', 'retry', url])).toMatchObject({runs: [{name: 'hostile', ranges: dead.length}]});
    await ended(label('dead'));
    await expectSameAsSingle('dead');
    expect(usefulPayments(await service.stats())).toEqual(new Map([[1, INPUTS]]));
  });
});
