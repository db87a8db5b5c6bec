import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import fc from 'fast-check';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {type AskingOptions, openAsking} from '../../../src/ask/asking.ts';
import {askAll} from '../../../src/ask/batches.ts';
import {repeat} from '../../../src/ask/compose/repeat.ts';
import {Refusals} from '../../../src/ask/refusals/refusals.ts';
import {withRefusedInputs} from '../../../src/ask/refusals/refused-inputs.ts';
import {TeacherError} from '../../../src/errors.ts';
import type {Query, Teacher} from '../../../src/teacher.ts';
import {about, labelled, numberOf} from '../fake-teacher.ts';
import {labels, ok, payingTeacher, type Respond, refusal} from '../paying-teacher.ts';

const thirty: readonly Query[] = about(...Array.from({length: 30}, (_, number) => number));

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-refused-'));
});

afterEach(() => rm(folder, {recursive: true}));

/** A service that refuses requests about any of these numbers. */
const refusing =
  (isRefused: (number: number) => boolean): Respond =>
  numbers =>
    numbers.some(isRefused) ? refusal(400) : labels(numbers);

interface AskOptions extends Partial<AskingOptions> {
  readonly fields?: Partial<Teacher<'black-box'>>;
  readonly queries?: readonly Query[];
  readonly wrap?: (teacher: Teacher<'black-box'>) => Teacher<'black-box'>;
}

/** Asks by way of all layers, in a run of its own. */
async function ask(respond: Respond, {fields, queries = thirty, wrap = one => one, ...options}: AskOptions = {}) {
  const payer = payingTeacher(respond, {maxBatch: 1, ...fields});
  const asking = await openAsking({cache: join(folder, 'answers'), journal: join(folder, 'journal'), ...options});
  try {
    const {teacher} = asking.open(wrap(payer));
    const {outcomes, error} = await askAll(teacher, queries).then(
      outcomes => ({outcomes, error: undefined}),
      (error: unknown) => ({outcomes: [], error: error as TeacherError}),
    );
    const messages = outcomes.map(outcome => ('error' in outcome ? outcome.error.message : 'answered'));
    return {outcomes, messages, error, requests: payer.requests};
  } finally {
    await asking.close();
  }
}

const expected = (isRefused: (number: number) => boolean) =>
  thirty.map(query => (isRefused(numberOf(query)) ? {error: expect.any(TeacherError)} : labelled(numberOf(query))));

describe('an input that a service refuses', () => {
  const positions: readonly (readonly [string, (number: number) => boolean])[] = [
    ['the first', number => number === 0],
    ['the last', number => number === 29],
    ['a middle one', number => number === 14],
    ['every second', number => number % 2 === 0],
    ['each of the first four', number => number < 4],
    ['all but one', number => number !== 3],
  ];

  it.each(
    positions.flatMap(position =>
      [1, 4, 7].flatMap(maxBatch => [1, 16].map(at => [...position, maxBatch, at] as const)),
    ),
  )('stops nothing: %s (%o), %i a request, %i at once', async (_, isRefused, maxBatch, concurrency) => {
    const fields = {maxBatch, concurrency};
    const {outcomes, error} = await ask(refusing(isRefused), {fields});
    expect(error).toBeUndefined();
    expect(outcomes).toEqual(expected(isRefused));
  });

  it('is not asked about again, in the same run or a later one, unless that is wished for', async () => {
    const respond = refusing(number => number === 0 || number === 29);
    await ask(respond);
    const again = await ask(respond);
    expect(again.requests).toEqual([]);
    expect(again.outcomes.filter(outcome => 'answer' in outcome)).toHaveLength(28);
    expect(again.messages[0]).toMatch(/^Teacher a payer: It is quarantined: It answered 400\..* `--retry-quarantined`/);
    const wished = await ask(labels, {retryQuarantined: true});
    expect(wished.requests).toEqual([[0], [29]]);
    expect(wished.outcomes).toEqual(expected(() => false));
    expect((await ask(respond)).requests).toEqual([]);
  });

  it('is left out of a later run in which nothing else is asked about, since earlier answers prove that others work', async () => {
    await ask(labels, {queries: thirty.slice(0, 29)});
    const {outcomes, messages, error, requests} = await ask(refusing(number => number === 29));
    expect(error).toBeUndefined();
    expect(requests).toEqual([[29]]);
    expect(outcomes).toEqual(expected(number => number === 29));
    expect(messages[29]).toBe('Teacher a payer: It answered 400.');
    expect((await ask(labels)).requests).toEqual([]);
  });

  it('may be the only one there is: its error says both possibilities, and it is asked about again', async () => {
    const {messages, error} = await ask(() => refusal(422), {queries: thirty.slice(0, 1)});
    expect(error).toBeUndefined();
    expect(messages[0]).toContain('It answered 422. It had answered nothing before: it may refuse this input alone or');
    expect(messages[0]).toContain('every request, for the model or a parameter.');
    expect((await ask(labels, {queries: thirty.slice(0, 1)})).requests).toEqual([[0]]);
  });

  it('leaves those of its batch that are alike without a mark, though their adapter refuses them as one', async () => {
    const fields = {maxBatch: 10, concurrency: 1};
    const {outcomes} = await ask(
      refusing(number => number === 25),
      {fields},
    );
    expect(outcomes).toEqual(expected(number => number === 25));
    const lines = await readFile(join(folder, 'journal', 'quarantine.jsonl'), 'utf8');
    expect(lines.match(/"key"/g)).toHaveLength(1);
  });
});

describe('a request that a service refuses whatever the input', () => {
  it.each([
    [1, 1, 5],
    [1, 64, 5],
    [8, 1, 6],
    [8, 64, 10],
  ])('stops the run, %i a request and %i at once, after %i requests at most', async (maxBatch, concurrency, most) => {
    const {error, requests} = await ask(() => refusal(400), {fields: {maxBatch, concurrency}});
    expect(error).toBeInstanceOf(TeacherError);
    expect(error!.message).toMatch(
      /^Teacher a payer: It refused 5 different inputs and answered none, so no more are sent\.\n {2}5 times: It answered 400\.\n/,
    );
    expect(error!.message).toContain('check the model, the parameters, and the name, type and shape of the input.');
    expect(requests.length).toBeLessThanOrEqual(most);
    expect(new Set(requests.filter(({length}) => length === 1).flat()).size).toBe(5);
  });

  it('marks none of the inputs: mended, all are answered', async () => {
    await ask(() => refusal(400));
    const {outcomes} = await ask(labels);
    expect(outcomes).toEqual(expected(() => false));
  });

  it('goes on if that is wished for', async () => {
    const {error, requests} = await ask(() => refusal(400), {firstAnswerWithin: Number.POSITIVE_INFINITY});
    expect(error).toBeUndefined();
    expect(requests).toHaveLength(30);
  });

  it('does not count one input several times that is asked about several times', async () => {
    const wrap = (teacher: Teacher<'black-box'>) => repeat(teacher, {samples: 9});
    const {error, requests} = await ask(() => refusal(400), {wrap, queries: thirty.slice(0, 2)});
    expect(error).toBeUndefined();
    expect(requests).toHaveLength(18);
  });

  it('marks only a few inputs if it began to be refused in the midst of a run', async () => {
    const {outcomes} = await ask((numbers, request) => (request > 10 ? refusal(400) : labels(numbers)), {
      fields: {concurrency: 1},
    });
    expect(outcomes.filter(outcome => 'error' in outcome)).toHaveLength(20);
    const mended = await ask(labels);
    expect(mended.requests.length).toBeGreaterThanOrEqual(10);
  });

  it.each([1, 16])(
    'stops the run if it began to be refused in the midst of a long one, %i a request',
    async maxBatch => {
      const queries = about(...Array.from({length: 1000}, (_, number) => number));
      const answered = Math.floor(400 / maxBatch);
      const {error, requests} = await ask((numbers, request) => (request > answered ? refusal(400) : labels(numbers)), {
        queries,
        fields: {concurrency: 4, maxBatch},
      });
      expect(error?.message).toMatch(
        /^Teacher a payer: It refused 1\d\d inputs in a row, so no more are sent\. The last time: It answered 400\.\nIt seems/,
      );
      expect(requests.length - answered).toBeLessThan(2 * 200);
      const mended = await ask(labels, {queries});
      expect(mended.outcomes.filter(outcome => 'error' in outcome).length).toBeLessThanOrEqual(5);
    },
  );

  it('does not stop the run for a part of the inputs that is refused as a whole', async () => {
    const isRefused = (number: number) => number >= 100 && number < 190;
    const queries = about(...Array.from({length: 300}, (_, number) => number));
    const {error, outcomes} = await ask(refusing(isRefused), {queries, fields: {concurrency: 4, maxBatch: 8}});
    expect(error).toBeUndefined();
    expect(outcomes.filter(outcome => 'answer' in outcome)).toHaveLength(210);
  });
});

describe('withRefusedInputs', () => {
  it('finds k refused inputs among n with O(k log n) requests, and answers all others', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc
          .integer({min: 2, max: 100})
          .chain(n => fc.tuple(fc.constant(n), fc.uniqueArray(fc.nat(n - 1), {maxLength: 6}))),
        async ([n, refused]) => {
          const payer = payingTeacher(
            refusing(number => refused.includes(number)),
            {maxBatch: n},
          );
          const layered = withRefusedInputs(payer, new Refusals(payer, {hasEarlierAnswers: async () => true}));
          const numbers = Array.from({length: n}, (_, number) => number);
          const outcomes = await layered.ask(about(...numbers));
          expect(outcomes).toEqual(
            numbers.map(number => (refused.includes(number) ? {error: expect.any(TeacherError)} : labelled(number))),
          );
          // The batch, once more when earlier answers were found, and two halves a level for each refused input.
          expect(payer.requests.length).toBeLessThanOrEqual(2 + 2 * refused.length * Math.ceil(Math.log2(n)));
        },
      ),
      {numRuns: 200},
    );
  });

  it.each([
    ['all', () => true, 64 + 8],
    ['all but the last', (number: number) => number < 63, 64 + 9],
    ['a run', (number: number) => number >= 16 && number < 48, 32 + 16],
  ])('finds %s of 64 with hardly more requests than they are', async (_, isRefused, most) => {
    const payer = payingTeacher(refusing(isRefused), {maxBatch: 64});
    const refusals = new Refusals(payer);
    refusals.answered();
    const numbers = Array.from({length: 64}, (_, number) => number);
    const outcomes = await withRefusedInputs(payer, refusals).ask(about(...numbers));
    expect(outcomes).toEqual(
      numbers.map(number => (isRefused(number) ? {error: expect.any(TeacherError)} : labelled(number))),
    );
    expect(payer.requests.length).toBeLessThanOrEqual(most);
  });

  it('asks about inputs alone no longer than they are refused', async () => {
    const isDown = (request: number) => request > 10;
    const payer = payingTeacher(
      (_, request) => {
        if (isDown(request)) throw new TeacherError('a payer', 'The connection broke.', {retryable: true});
        return refusal(400);
      },
      {maxBatch: 64},
    );
    const refusals = new Refusals(payer);
    refusals.answered();
    const numbers = Array.from({length: 64}, (_, number) => number);
    await withRefusedInputs(payer, refusals).ask(about(...numbers));
    // Each of the halves that are left takes one request.
    expect(payer.requests.length).toBeLessThanOrEqual(10 + 6);
  });

  it('keeps the answers of one half, whatever happens to the other', async () => {
    const payer = payingTeacher(
      numbers => {
        if (numbers.length === 4) return refusal(400);
        if (numbers.includes(3)) throw new TeacherError('a payer', 'The connection broke.', {retryable: true});
        return labels(numbers);
      },
      {maxBatch: 4},
    );
    const refusals = new Refusals(payer);
    refusals.answered();
    const outcomes = await withRefusedInputs(payer, refusals).ask(about(0, 1, 2, 3));
    const broken = {error: expect.objectContaining({retryable: true})};
    expect(outcomes).toEqual([labelled(0), labelled(1), broken, broken]);
  });

  it('lets a teacher in this process be', () => {
    const {service: _, ...local} = payingTeacher();
    expect(withRefusedInputs(local, new Refusals(local))).toBe(local);
  });

  it('takes a reply that can not be read for one to a request that works', async () => {
    const payer = payingTeacher((_, request) => (request === 1 ? ok({labels: [7]}) : refusal(400)), {
      maxBatch: 1,
    });
    const layered = withRefusedInputs(payer, new Refusals(payer));
    for (const number of Array.from({length: 9}).keys()) {
      expect(await layered.ask(about(number))).toEqual([{error: expect.any(TeacherError)}]);
    }
  });

  it('passes on what is no refusal of an input', async () => {
    const payer = payingTeacher(() => refusal(401), {maxBatch: 1});
    await expect(withRefusedInputs(payer, new Refusals(payer)).ask(about(1))).rejects.toThrow('It answered 401.');
  });

  it('looks for earlier answers once, and not before something is refused', async () => {
    let looks = 0;
    const payer = payingTeacher(
      refusing(number => number > 2),
      {maxBatch: 1},
    );
    const hasEarlierAnswers = async () => {
      looks++;
      return false;
    };
    const layered = withRefusedInputs(payer, new Refusals(payer, {hasEarlierAnswers}));
    await Promise.all(about(3, 4, 5).map(query => layered.ask([query])));
    expect(looks).toBe(1);
    await layered.ask(about(1));
    await layered.ask(about(6));
    expect(looks).toBe(1);
  });
});
