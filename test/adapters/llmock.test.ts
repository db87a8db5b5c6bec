import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {type Llmock, type Served, startLlmock, type Verdict} from '../servers/llmock.ts';
import {NO_SERVERS, programsOf} from '../servers/python-server.ts';
import {ANSWERS, askAbout, CLIENTS, type Run} from './llmock-clients.ts';

/** Drawn by chance: few enough that no call meets four failures in a row. */
const ERRORS = ['429=0.06', '500=0.01', '503=0.005', '529=0.005'].flatMap(error => ['--error-rate', error]);
const TEXTS = 200;
const names = Object.keys(CLIENTS);

describe.skipIf(programsOf('servers') === undefined)(`llmock, which judges its clients (else: ${NO_SERVERS})`, () => {
  let server: Llmock;
  let folder: string;
  let verdict: Verdict;
  let served: readonly Served[];
  const runs = new Map<string, Run>();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'limbeck-llmock-'));
    server = (await startLlmock('--rpm', '180', '--tpm', '60000', ...ERRORS))!;
    await server.script(...ANSWERS);
    const ask = async (name: string) => {
      const teacher = CLIENTS[name]!({url: server.url, model: name});
      runs.set(name, await askAbout(teacher, TEXTS, {folder: join(folder, name)}));
    };
    await Promise.all(names.map(ask));
    verdict = await server.verdict();
    served = await server.requests();
  }, 180_000);

  afterAll(async () => {
    await server?.stop();
    await rm(folder, {recursive: true, force: true});
  });

  it.each(names)('gives %s an answer to every text, through errors and limits, and each is paid for once', name => {
    const {outcomes, error, ledger} = runs.get(name)!;
    expect(error).toBeUndefined();
    expect(outcomes.filter(outcome => 'answer' in outcome)).toHaveLength(TEXTS);
    expect(ledger).toMatchObject({asked: TEXTS, bought: TEXTS, setAside: 0, inDoubt: 0});
    const own = served.filter(({model}) => model === name);
    expect(own.filter(({status}) => status === 200)).toHaveLength(TEXTS);
    expect(own.filter(({status}) => status === 429)).toHaveLength(ledger.refused);
    expect(own).toHaveLength(ledger.calls);
  });

  it('passes all of them: none asks again before it may, too often, in vain or not at all', () => {
    expect(verdict).toMatchObject({passed: true, calls: names.length * TEXTS, attempts: served.length});
    // If a request queues behind others, its second wait can be as long as its first: see the next test.
    expect(verdict.findings.filter(({code}) => code !== 'no_backoff')).toEqual([]);
  });

  it('is asked again no sooner than it says, and if it says nothing twice as late each time', () => {
    const calls = new Map<string, Served[]>();
    for (const one of served) calls.set(one.fingerprint, [...(calls.get(one.fingerprint) ?? []), one]);
    let waits = 0;
    for (const attempts of calls.values()) {
      let failures = 0;
      for (const [index, {status, ended_at, retry_after}] of attempts.entries()) {
        if (status === 200) continue;
        if (status !== 429) failures++;
        const least = retry_after ?? 0.5 * 2 ** (failures - 1);
        expect(attempts[index + 1]!.started_at - ended_at).toBeGreaterThan(least - 0.01);
        waits++;
      }
    }
    expect(waits).toBe(served.length - names.length * TEXTS);
    expect(waits).toBeGreaterThan(50);
  });
});
