import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout} from 'node:timers/promises';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {type Asking, type AskingOptions, openAsking} from '../../../src/ask/asking.ts';
import {askAll} from '../../../src/ask/batches.ts';
import {FirstAnswer, withFirstAnswer} from '../../../src/ask/refusals/first-answer.ts';
import {InputError, TeacherError} from '../../../src/errors.ts';
import type {Query, Reply, Teacher} from '../../../src/teacher.ts';
import {about, labelled, numberOf} from '../fake-teacher.ts';
import {labels, ok, payingTeacher, type Respond, refusal} from '../paying-teacher.ts';

/** A reply that is paid for and holds no class. */
const unusable = (numbers: readonly number[]): Reply => ok({labels: numbers.map(() => 7)});
const hundred: readonly Query[] = about(...Array.from({length: 100}, (_, number) => number));

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-first-answer-'));
});

afterEach(() => rm(folder, {recursive: true}));

/** Asks a service about a hundred numbers by way of all layers. */
async function askHundred(respond: Respond, options: Partial<AskingOptions> = {}, concurrency = 4) {
  const payer = payingTeacher(respond, {maxBatch: 1, concurrency});
  const asking: Asking = await openAsking({
    cache: join(folder, 'answers'),
    journal: join(folder, 'journal'),
    ...options,
  });
  try {
    const {teacher, ledger} = asking.open(payer);
    const ended = await askAll(teacher, hundred).then(
      outcomes => ({outcomes, error: undefined}),
      (error: unknown) => ({outcomes: [], error: error as TeacherError}),
    );
    return {...ended, requests: payer.requests, ledger: ledger.snapshot()};
  } finally {
    await asking.close();
  }
}

describe('a run without a first answer', () => {
  it.each([1, 4, 64])('stops after exactly 20 paid requests, %d of them at once', async concurrency => {
    const {error, requests, ledger} = await askHundred(unusable, {}, concurrency);
    expect(error).toBeInstanceOf(TeacherError);
    expect(requests).toHaveLength(20);
    expect(ledger).toMatchObject({calls: 20, bought: 0});
  });

  it('says what went wrong, how often, and what to do', async () => {
    const {error} = await askHundred((numbers, request) => (request % 4 === 0 ? ok({labels: []}) : unusable(numbers)));
    expect(error?.message).toMatch(
      /^Teacher a payer: 20 requests brought not one usable answer, so no more are sent\.\n {2}20 times: Its label is none\.\n/,
    );
    expect(error?.message).toContain('limbeck probe');
    expect(error?.message).toContain('--retry-quarantined');
    expect(error?.message).toContain('--keep-going');
  });

  it('goes on to the end if that is wished for', async () => {
    const {error, outcomes, requests} = await askHundred(unusable, {firstAnswerWithin: Number.POSITIVE_INFINITY});
    expect(error).toBeUndefined();
    expect(outcomes.every(outcome => 'error' in outcome)).toBe(true);
    // An unreadable answer is asked for once more.
    expect(requests).toHaveLength(200);
  });

  it('stops after as many as are said', async () => {
    expect((await askHundred(unusable, {firstAnswerWithin: 3})).requests).toHaveLength(3);
    await expect(askHundred(unusable, {firstAnswerWithin: 0})).rejects.toThrow(InputError);
  });

  it('never stops after one usable answer, whatever comes then', async () => {
    const {error, outcomes} = await askHundred(
      (numbers, request) => (request === 20 ? labels : unusable)(numbers),
      {},
      1,
    );
    expect(error).toBeUndefined();
    expect(outcomes.filter(outcome => 'answer' in outcome)).toHaveLength(1);
  });

  it('is not one if the service is busy at first', async () => {
    const busy = {'retry-after-ms': '1'};
    const {error, outcomes} = await askHundred((numbers, request) =>
      request <= 30 ? refusal(429, busy) : labels(numbers),
    );
    expect(error).toBeUndefined();
    expect(outcomes).toEqual(hundred.map(query => labelled(numberOf(query))));
  });

  it('counts each teacher from the beginning of the run, not of an asking', async () => {
    let isBroken = false;
    const payer = payingTeacher(numbers => (isBroken ? unusable(numbers) : labels(numbers)), {maxBatch: 1});
    const asking = await openAsking({cache: join(folder, 'answers'), journal: join(folder, 'journal')});
    await askAll(asking.open(payer).teacher, hundred.slice(0, 1));
    isBroken = true;
    const outcomes = await askAll(asking.open(payer).teacher, hundred.slice(0, 30));
    expect(outcomes.filter(outcome => 'error' in outcome)).toHaveLength(29);
    const other = asking.open(payingTeacher(unusable, {maxBatch: 1, identity: {service: 'another'}}));
    await expect(askAll(other.teacher, hundred.slice(0, 30))).rejects.toThrow('20 requests brought not one');
    await asking.close();
  });
});

describe('a shared prompt for a prompt cache', () => {
  it.each([
    [true, 1],
    [false, 4],
  ])('lets the first request go alone if it fills the cache (%s)', async (fillsPromptCache, atOnce) => {
    let [open, most] = [0, 0];
    const payer = payingTeacher(labels, {maxBatch: 1, concurrency: 4});
    const seen: number[] = [];
    const slow: Teacher<'black-box'> = {
      ...payer,
      service: {...payer.service!, fillsPromptCache},
      ask: (queries, options) =>
        payer.ask(queries, {
          ...options,
          exchange: (rows, send) =>
            options!.exchange!(rows, async () => {
              most = Math.max(most, ++open);
              await setTimeout(5);
              open--;
              seen.push(most);
              return send();
            }),
        }),
    };
    const asking = await openAsking({cache: join(folder, 'answers'), journal: join(folder, 'journal')});
    await askAll(asking.open(slow).teacher, hundred.slice(0, 20));
    await asking.close();
    expect(seen[0]).toBe(atOnce);
    expect(most).toBe(4);
  });
});

describe('withFirstAnswer', () => {
  it('counts neither what was not sent nor a teacher in this process', async () => {
    const first = new FirstAnswer({name: 'a payer'}, 1);
    const payer = payingTeacher(unusable);
    const refusing = () => Promise.reject(new Error('no budget'));
    const layered = withFirstAnswer(payer, first);
    await expect(layered.ask(about(1), {exchange: refusing})).rejects.toThrow('no budget');
    expect(first.verdict).toBeUndefined();
    const {service: _, ...local} = payer;
    expect(withFirstAnswer(local, first)).toBe(local);
  });

  it('stops the call whose adapter makes the stop an error of its queries', async () => {
    const first = new FirstAnswer({name: 'a payer'}, 1);
    const payer = payingTeacher(unusable);
    const hiding = {
      ...payer,
      ask: (...call: Parameters<typeof payer.ask>) =>
        payer.ask(...call).catch((error: Error) => call[0].map(() => ({error}))),
    };
    await expect(withFirstAnswer(hiding, first).ask(about(1))).rejects.toThrow('1 request brought not one');
  });

  it('counts what brought no reply and what was answered with another status', async () => {
    const first = new FirstAnswer({name: 'a payer'}, 2);
    const layered = withFirstAnswer(
      payingTeacher((_, request) => (request === 1 ? new Error('The connection failed.') : refusal(400))),
      first,
    );
    await expect(layered.ask(about(1))).rejects.toThrow('The connection failed.');
    await expect(layered.ask(about(1))).rejects.toThrow('It answered 400.');
    await expect(layered.ask(about(1))).rejects.toThrow(
      /2 requests brought .*\n {2}once: The connection failed\.\n {2}once: It answered 400\./,
    );
  });
});
