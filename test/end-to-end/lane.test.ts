import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {beforeEach, describe, expect, it} from 'vitest';
import type {StudyPlan} from '../../src/study/plan.ts';
import {until} from '../built.ts';
import type {BatchService} from './batch-service.ts';
import {batchWorkplace} from './batch-workplace.ts';
import type {Labelled} from './hostile-work.ts';
import {fixture, type Running} from './limbeck.ts';

const INPUTS = 20;
const {folder, start, run, json, served} = batchWorkplace(INPUTS);
const LABEL = ['label', fixture('batched.ts'), '--lane', 'batch'];

describe('limbeck label --lane batch', () => {
  let service: BatchService;
  let env: Record<string, string>;

  beforeEach(() => {
    ({service, env} = served());
  });

  /** Every text was asked about once, in one batch but for the one that went ahead. */
  function expectOnce(): void {
    expect(service.batches).toHaveLength(1);
    const asked = [...service.alone, ...service.batches[0]!.texts];
    expect(asked).toHaveLength(INPUTS);
    expect(new Set(asked).size).toBe(INPUTS);
  }

  /** The same command, to the end. */
  async function collect(): Promise<Labelled['levels'][number]> {
    service.isReady = true;
    const {levels} = await json<Labelled>(LABEL, {env});
    return levels[0]!;
  }

  it('hands over and ends with --detach; the same command collects, and then all is kept', async () => {
    const first = await run([...LABEL, '--detach'], {env});
    expect(first).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('black-box: 1 answers (1 bought, 0 cached)'),
    });
    expect(first.stderr).toMatch(/19 inputs have no answer yet. Batch batch-0 of 19 requests is under way/);
    const again = await run([...LABEL, '--detach'], {env});
    expect(again).toMatchObject({code: 0, stdout: expect.stringContaining('1 answers (0 bought, 1 cached)')});
    const planned = await run(['plan', fixture('batched.ts'), '--lane', 'batch'], {env});
    expect(planned.stdout).toContain('20 inputs, 1 cached, 19 in batches under way, 0 to ask');
    expect(await collect()).toMatchObject({answers: INPUTS, missing: 0, bought: 19, cached: 1, usd: 9.5});
    expect(await json<Labelled>(['label', fixture('batched.ts'), '--offline'], {env})).toMatchObject({
      levels: [{answers: INPUTS, bought: 0, cached: INPUTS}],
    });
    expectOnce();
  });

  it('writes its key nowhere', async () => {
    await run([...LABEL, '--detach'], {env});
    const files = readdirSync(folder(), {recursive: true, withFileTypes: true}).filter(entry => entry.isFile());
    expect(files.map(({name}) => name)).toContainEqual(expect.stringMatching(/^limbeck-.*\.json$/));
    for (const {parentPath, name} of files) {
      expect(readFileSync(join(parentPath, name), 'latin1')).not.toContain('sk-of-the-tests');
    }
  });

  it('asks nobody one by one about what is under way', async () => {
    await run([...LABEL, '--detach'], {env});
    const {code, stderr} = await run(['label', fixture('batched.ts')], {env});
    expect(code).toBe(1);
    expect(stderr).toMatch(/left 19 of 20 inputs.*It is in batch batch-0.*--lane batch/s);
    service.isReady = true;
    expect(await json<Labelled>(['label', fixture('batched.ts')], {env})).toMatchObject({levels: [{answers: INPUTS}]});
    expectOnce();
  });

  it('asks again only about what failed', async () => {
    service.failing = ['number 7', 'number 11'];
    service.isReady = true;
    expect(await json<Labelled>(LABEL, {env})).toMatchObject({levels: [{answers: INPUTS, missing: 0, bought: INPUTS}]});
    expect(service.batches.map(({texts}) => texts.length)).toEqual([19, 2]);
    expect([...service.batches[1]!.texts].sort()).toEqual(['number 11', 'number 7']);
  });

  /** Kills the command when something happens at the service, and waits for its end. */
  async function killedAt(moment: 'onBatch' | 'onHalf'): Promise<void> {
    let running: Running | undefined;
    const killed = new Promise<void>(resolve => {
      service[moment] = async () => {
        running!.kill('SIGKILL');
        await running!.finished;
        resolve();
      };
    });
    running = start(LABEL, {env});
    await killed;
    service[moment] = () => {};
  }

  it('finds a batch of which it never heard, since it was killed', async () => {
    await killedAt('onBatch');
    expect(await collect()).toMatchObject({answers: INPUTS, missing: 0});
    expectOnce();
  });

  it('collects what it was killed over', async () => {
    service.isReady = true;
    await killedAt('onHalf');
    expect(await collect()).toMatchObject({answers: INPUTS, missing: 0});
    expectOnce();
    // Half of them came twice, and each reply is kept once.
    const journal = join(folder(), '.limbeck/journal');
    const segments = readdirSync(journal).filter(name => /^\d/.test(name));
    const lines = segments.flatMap(name => readFileSync(join(journal, name), 'utf8').split('\n'));
    const keys = lines.flatMap(line => /^\{"reply":\d+,"keys":\["([0-9a-f]+)"\]/.exec(line)?.[1] ?? []);
    expect(keys).toHaveLength(INPUTS);
    expect(new Set(keys).size).toBe(INPUTS);
  });

  it('waits for a batch that it was killed while waiting for', async () => {
    const running = start(LABEL, {env});
    await until('the batch is handed over', () => service.batches.length > 0);
    await new Promise(resolve => setTimeout(resolve, 300));
    running.kill('SIGKILL');
    await running.finished;
    expect(await collect()).toMatchObject({answers: INPUTS, bought: 19, cached: 1});
    expectOnce();
  });

  it('lets go of a batch at Ctrl-C, which stays under way', async () => {
    const running = start(LABEL, {env});
    await until('the batch is handed over', () => service.batches.length > 0);
    running.kill('SIGINT');
    expect(await running.finished).toMatchObject({code: 130, stderr: expect.stringContaining('Stopped.')});
    expect(await collect()).toMatchObject({answers: INPUTS, missing: 0});
    expectOnce();
  });

  it('is planned at half the price, without a request', async () => {
    const plan = ['plan', fixture('batched.ts')];
    const [dear, cheap] = [
      await json<StudyPlan>(plan, {env}),
      await json<StudyPlan>([...plan, '--lane', 'batch'], {env}),
    ];
    expect(dear.levels.map(({usd}) => usd!.expected)).toEqual([20, 2]);
    // What measures is asked about one by one all the same.
    expect(cheap.levels.map(({usd}) => usd!.expected)).toEqual([10, 2]);
    const {stdout} = await run([...plan, '--lane', 'batch'], {env});
    expect(stdout).toContain('within a day, according to the services’ terms for batches');
    expect(service.alone).toEqual([]);
  });

  it.each([
    ['to wait for nothing one by one', ['label', fixture('batched.ts'), '--detach'], 'Add `--lane batch`'],
    [
      'a lane that a service does not have',
      ['label', fixture('remote.ts'), '--lane', 'batch'],
      /Teacher open-inference letters .* has no batch lane.*openai, anthropic and gemini/,
    ],
    [
      'to plan one that a service does not have',
      ['plan', fixture('remote.ts'), '--lane', 'batch'],
      'has no batch lane',
    ],
    [
      'to watch for drift in batches',
      ['label', fixture('batched.ts'), '--lane', 'batch', '--drift-every', '5'],
      'Drift is watched between requests one by one',
    ],
    [
      'to cancel and to leave',
      ['label', fixture('batched.ts'), '--lane', 'batch', '--detach', '--cancel'],
      'cannot be used with',
    ],
  ])('refuses %s', async (_, args, message) => {
    const {code, stderr} = await run(args, {env});
    expect({code, stderr}).toEqual({code: 1, stderr: expect.stringMatching(message)});
  });
});
