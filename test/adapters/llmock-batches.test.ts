import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout} from 'node:timers/promises';
import {afterAll, afterEach, beforeAll, describe, expect, it} from 'vitest';
import {anthropic} from '../../adapters/anthropic.ts';
import {openai} from '../../adapters/openai.ts';
import {answerKey, askEach, openAsking} from '../../src/public/ask.ts';
import {openJournal} from '../../src/store/journal/journal.ts';
import type {Outcome, Teacher} from '../../src/teacher.ts';
import {startLlmock} from '../servers/llmock.ts';
import {NO_SERVERS, type PythonServer, programsOf} from '../servers/python-server.ts';
import {laneIn} from './batch-server.ts';
import {problemsIn, text} from './replay.ts';

/** A model of it that answers the same to everything, by batches as well. */
const answering = (model: string) =>
  ({classes: [`Mock response from ${model}`, 'other'], key: 'k', output: 'label', model, price: {perCall: 1}}) as const;

interface Provider {
  readonly teacher: (url: string) => Teacher;
  /** The path that lists batches. */
  readonly list: string;
}

const providers: Readonly<Record<string, Provider>> = {
  'chat completions': {
    teacher: url => openai({...answering('gpt-4o-mini'), url: `${url}/v1`}),
    list: '/v1/batches?limit=100',
  },
  responses: {
    teacher: url => openai({...answering('gpt-4o-mini'), url: `${url}/v1`, api: 'responses'}),
    list: '/v1/batches?limit=100',
  },
  anthropic: {
    teacher: url => anthropic({...answering('claude-haiku-4-5'), url: `${url}/anthropic`}),
    list: '/anthropic/v1/messages/batches?limit=100',
  },
};

const queries = Array.from({length: 30}, (_, index) => text(`What do you say of number ${index}?`));

describe.skipIf(programsOf('servers') === undefined)(`batches of llmock (else: ${NO_SERVERS})`, () => {
  let server: PythonServer;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'limbeck-llmock-batches-'));
    server = (await startLlmock('--response-style', 'static'))!;
  }, 60_000);

  afterAll(async () => {
    await server?.stop();
    await rm(folder, {recursive: true, force: true});
  });

  afterEach(async () => {
    const {passed, findings} = (await (await fetch(`${server.url}/_llmock/verdict`)).json()) as Record<string, unknown>;
    expect({passed, findings}).toEqual({passed: true, findings: []});
  });

  /** One run of a program, which finds the files of earlier runs with the same store. */
  async function run(
    name: string,
    lane?: {readonly detached?: boolean; readonly cancel?: boolean},
    store: string = name,
  ) {
    const at = {cache: join(folder, `${store}-answers`), journal: join(folder, `${store}-journal`)};
    const sleep = async () => void (await setTimeout(250));
    const asking = await openAsking({...at, ...(lane && {lane: {...lane, sleep}})});
    try {
      const {teacher, ledger} = asking.open(providers[name]!.teacher(server.url));
      const outcomes: Outcome[] = [];
      await askEach(teacher, queries, (given: readonly Outcome[], start: number) => {
        for (const [index, outcome] of given.entries()) outcomes[start + index] = outcome;
      });
      return {open: problemsIn(outcomes).filter(problem => problem !== 'none'), ...ledger.snapshot()};
    } finally {
      await asking.close();
    }
  }

  const batchesOf = async (name: string): Promise<number> => {
    const {data} = (await (await fetch(`${server.url}${providers[name]!.list}`)).json()) as {readonly data: object[]};
    return data.length;
  };

  it.each(['chat completions', 'anthropic'])(
    'are handed over, left, and collected, of %s',
    async name => {
      const before = await batchesOf(name);
      const first = await run(name, {detached: true});
      expect(first).toMatchObject({bought: 1, calls: 30, usd: 1});
      expect(first.open).toHaveLength(29);
      expect(first.open[0]).toMatch(/^Batch \w+ of 29 requests is under way/);
      expect((await run(name)).open[0]).toContain('--lane batch');
      expect(await run(name, {})).toMatchObject({open: [], bought: 29, cached: 1, calls: 0, usd: 29 / 2});
      expect(await run(name)).toMatchObject({open: [], bought: 0, cached: 30});
      expect(await batchesOf(name)).toBe(before + 1);
    },
    60_000,
  );

  it.each(['chat completions', 'anthropic'])(
    'are found of %s where their ids were lost',
    async name => {
      const teacher = providers[name]!.teacher(server.url);
      const lost = `${name}-lost`;
      const keys = queries.map(query => answerKey(teacher.identity, query));
      const journal = await openJournal(join(folder, `${lost}-journal`));
      const plannedAt = new Date(Date.now() - 20_000).toISOString();
      await journal.batches.write({
        format: 1,
        name: 'limbeck-lost',
        teacher: teacher.name,
        plannedAt,
        attempt: 1,
        keys,
      });
      await journal.close();
      const lane = laneIn(teacher);
      await lane.submit({
        name: 'limbeck-lost',
        lines: queries.map((query, row) => lane.lineOf(keys[row]!, query)),
      });
      const before = await batchesOf(name);
      Object.assign(providers, {[lost]: providers[name]});
      expect(await run(lost, {})).toMatchObject({open: [], bought: 30, calls: 0});
      expect(await batchesOf(name)).toBe(before);
    },
    60_000,
  );

  it('end if they are cancelled, and are asked about one by one then', async () => {
    await run('anthropic', {detached: true}, 'cancelled');
    const {open} = await run('anthropic', {cancel: true}, 'cancelled');
    expect(open).toHaveLength(29);
    expect(open[0]).toContain('--cancel');
    expect(await run('anthropic', undefined, 'cancelled')).toMatchObject({open: [], bought: 29});
  }, 60_000);

  it('say of each request what went wrong, if the service can’t do any of them', async () => {
    // It knows no batches of Responses.
    const {open, calls} = await run('responses', {});
    expect(open).toHaveLength(29);
    expect(open[0]).toContain('(unsupported_endpoint)');
    expect(calls).toBe(30);
  }, 60_000);
});
