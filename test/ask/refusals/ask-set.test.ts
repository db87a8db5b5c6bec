import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {openAsking} from '../../../src/ask/asking.ts';
import {type Collection, collectAnswered} from '../../../src/ask/collect.ts';
import {ensemble} from '../../../src/ask/compose/ensemble.ts';
import {askSet, spread} from '../../../src/ask/refusals/ask-set.ts';
import {stack} from '../../../src/ask/teacher-stack.ts';
import {openAnswerStore} from '../../../src/store/store.ts';
import type {Teacher} from '../../../src/teacher.ts';
import {about} from '../fake-teacher.ts';
import {labels, type PayingTeacher, payingTeacher, refusal} from '../paying-teacher.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-set-'));
});

afterEach(() => rm(folder, {recursive: true}));

interface Case {
  /** @param request - its number, from 1 */
  readonly isRefused: (number: number, request: number) => boolean;
  readonly count?: number;
  readonly maxBatch?: number;
  readonly concurrency?: number;
  readonly wrap?: (teacher: Teacher<'black-box'>) => Teacher<'black-box'>;
}

/** Asks about the numbers from 0 in a run of its own, as commands do. */
async function ask({isRefused, count = 640, maxBatch = 64, concurrency = 4, wrap = one => one}: Case) {
  const respond = (numbers: readonly number[], request: number) =>
    numbers.some(number => isRefused(number, request)) ? refusal(400) : labels(numbers);
  const payer: PayingTeacher = payingTeacher(respond, {maxBatch, concurrency});
  const asking = await openAsking({cache: join(folder, 'answers'), journal: join(folder, 'journal')});
  const shown: number[] = [];
  const texts = Array.from({length: count}, (_, number) => `${number}`);
  let collection: Collection | undefined;
  let error: Error | undefined;
  try {
    collection = await collectAnswered(
      asking.open(wrap(payer)).teacher,
      {role: 'transfer', inputs: {kind: 'text', count, texts}},
      {onProgress: done => shown.push(done)},
    );
  } catch (thrown) {
    error = thrown as Error;
  } finally {
    await asking.close();
  }
  return {missing: collection?.missing.length, error, shown, requests: payer.requests};
}

/** Requests that find out each of some bad inputs, which fill whole batches: a batch of n is halved 2n − 1 times. */
const halvings = (bad: number) => 2 * bad;

describe('a first batch in which every input is bad', () => {
  it.each([
    [64, 640, 64, 1],
    [64, 640, 64, 4],
    [64, 640, 16, 1],
    [20, 60, 1, 1],
    [64, 200, 1, 16],
    [500, 640, 64, 4],
    [500, 640, 128, 1],
    [200, 300, 1, 8],
  ])('stops nothing: %i bad ones of %i, %i a request, %i at once', async (bad, count, maxBatch, concurrency) => {
    const run = await ask({isRefused: number => number < bad, count, maxBatch, concurrency});
    expect(run.error).toBeUndefined();
    expect(run.missing).toBe(bad);
    expect(run.shown.at(-1)).toBe(count);
    expect(run.shown).toEqual(run.shown.toSorted((one, other) => one - other));
    const atBest = Math.ceil(count / maxBatch) + (maxBatch === 1 ? 0 : halvings(bad));
    // Five tried alone, and up to four from elsewhere each time that all seem to be refused.
    expect(run.requests.length).toBeLessThanOrEqual(atBest + 10 + Math.ceil(bad / 100) * 4);
  });

  it('stops nothing if more inputs than 100 are bad at both ends of a set, and all others are answered', async () => {
    const {error, missing, requests} = await ask({isRefused: number => number < 150 || number >= 490, concurrency: 1});
    expect(error).toBeUndefined();
    expect(missing).toBe(300);
    expect((await ask({isRefused: () => true})).requests).toEqual([]);
    expect(requests.length).toBeLessThanOrEqual(10 + halvings(300) + 5 + 10);
  });

  it('stops nothing in a later run about them alone', async () => {
    expect((await ask({isRefused: () => false, count: 200, maxBatch: 8})).missing).toBe(0);
    const {error, missing} = await ask({isRefused: number => number >= 200, count: 260, maxBatch: 1});
    expect(error).toBeUndefined();
    expect(missing).toBe(60);
  });

  it('is told from a request that is wrong behind a composed teacher, too', async () => {
    const {error, missing} = await ask({isRefused: number => number < 64, wrap: one => ensemble([one, one])});
    expect(error).toBeUndefined();
    expect(missing).toBe(64);
  });
});

describe('a request that is refused whatever the input', () => {
  it.each([
    [64, 1, 10],
    [64, 4, 11],
    [64, 64, 11],
    [1, 1, 9],
    [1, 64, 9],
  ])(
    'ends the run, %i a request and %i at once, with %i requests at most, told once',
    async (maxBatch, concurrency, most) => {
      const {error, requests} = await ask({isRefused: () => true, maxBatch, concurrency});
      expect(error?.message).toMatch(
        /^Teacher a payer: It refused 9 different inputs and answered none, so no more are sent\.\n {2}9 times: It answered 400\.\n[^\n]*$/,
      );
      expect(requests.length).toBeLessThanOrEqual(most);
      const alone = requests.filter(({length}) => length === 1).flat();
      expect(new Set(alone).size).toBe(9);
      // They come from all over the set.
      expect([Math.min(...alone), Math.max(...alone)]).toEqual([0, 639]);
    },
  );

  it('asks about no input twice if the set is no larger than what was tried', async () => {
    const {error, requests} = await ask({isRefused: () => true, count: 5});
    expect(error?.message).toContain('It refused 5 different inputs and answered none');
    expect(requests).toHaveLength(6);
  });

  it('ends a later run after 20 requests and four from elsewhere', async () => {
    expect((await ask({isRefused: () => false, count: 200})).missing).toBe(0);
    const {error, requests} = await ask({isRefused: () => true, count: 2000, maxBatch: 1, concurrency: 1});
    expect(error?.message).toMatch(
      /^Teacher a payer: 24 requests brought not one usable answer, so no more are sent\./,
    );
    expect(requests.slice(-4)).toEqual([[0], [1999], [999], [499]]);
  });

  it('ends the run in its midst after 100 in a row and four from elsewhere', async () => {
    const isRefused = (_: number, request: number) => request > 100;
    const {error, requests} = await ask({isRefused, count: 2000, maxBatch: 1, concurrency: 1});
    expect(error?.message).toMatch(/^Teacher a payer: It refused 10\d inputs in a row, so no more are sent\./);
    expect(requests.slice(-4)).toEqual([[0], [1999], [999], [499]]);
  });

  it('ends a run that can not keep what was refused and gets no further', async () => {
    const isRefused = (number: number) => number < 240;
    const payer = payingTeacher(numbers => (numbers.some(isRefused) ? refusal(400) : labels(numbers)), {
      maxBatch: 120,
      concurrency: 1,
    });
    const queries = about(...Array.from({length: 480}, (_, number) => number));
    const set = {count: 480, at: (index: number) => queries[index]!};
    const teacher = stack(payer, {store: openAnswerStore({store: new Map()})});
    await expect(askSet(teacher, set, {})).rejects.toThrow(/1\d\d inputs in a row, so no more are sent/);
    expect(payer.requests.length).toBeLessThan(3 * halvings(120) + 20);
  });
});

describe('spread', () => {
  it.each([0, 1, 2, 3, 10, 64, 100])('gives each index below %i once', count => {
    const indices = [...spread(count)];
    expect(indices.toSorted((one, other) => one - other)).toEqual([...Array(count).keys()]);
  });

  it('begins at both ends and goes on in the middles', () => {
    expect([...spread(9)]).toEqual([0, 8, 4, 2, 6, 1, 3, 5, 7]);
  });
});
