import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {askAll, withBatches} from '../../../src/ask/batches.ts';
import {withFailedInputs} from '../../../src/ask/refusals/failed-inputs.ts';
import {Refusals} from '../../../src/ask/refusals/refusals.ts';
import {withRefusedInputs} from '../../../src/ask/refusals/refused-inputs.ts';
import {TeacherError} from '../../../src/errors.ts';
import {about, labelled} from '../fake-teacher.ts';
import {labels, payingTeacher, type Respond, refusal} from '../paying-teacher.ts';

interface AskOptions {
  readonly maxBatch?: number;
  readonly concurrency?: number;
  readonly hasEarlierAnswers?: () => Promise<boolean>;
}

/** Asks as the layers do, without the pauses between attempts. */
async function ask(respond: Respond, numbers: readonly number[], options: AskOptions = {}) {
  const {maxBatch = numbers.length, concurrency = 1, ...rest} = options;
  const payer = payingTeacher(respond, {maxBatch, concurrency});
  const refusals = new Refusals(payer, rest);
  const tried = withRefusedInputs(payer, refusals);
  const teacher = withBatches(withFailedInputs(tried, {refusals, sleep: () => Promise.resolve()}));
  const {outcomes, error} = await askAll(teacher, about(...numbers)).then(
    outcomes => ({outcomes, error: undefined}),
    (error: unknown) => ({outcomes: [], error: error as TeacherError}),
  );
  return {outcomes, error, requests: payer.requests};
}

const upTo = (count: number) => Array.from({length: count}, (_, number) => number);

/** A service that fails at requests about any of these numbers. */
const failingAt =
  (...bad: readonly number[]): Respond =>
  numbers =>
    numbers.some(number => bad.includes(number)) ? refusal(500) : labels(numbers);

describe('inputs at which a service fails', () => {
  it('cost one row each, and O(k log n) requests', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc
          .integer({min: 3, max: 64})
          .chain(n => fc.tuple(fc.constant(n), fc.uniqueArray(fc.nat(n - 1), {maxLength: 5}))),
        async ([n, bad]) => {
          // An earlier run had answers, so that the search is not limited to a few requests.
          const options = {hasEarlierAnswers: () => Promise.resolve(true)};
          fc.pre(bad.length < n);
          const {outcomes, error, requests} = await ask(failingAt(...bad), upTo(n), options);
          expect(error).toBeUndefined();
          const wanted = upTo(n).map(number =>
            bad.includes(number) ? {error: expect.any(TeacherError)} : labelled(number),
          );
          expect(outcomes).toEqual(wanted);
          const [k, levels] = [bad.length, Math.ceil(Math.log2(n))];
          expect(requests.length).toBeLessThanOrEqual(k === 0 ? 1 : 4 + 2 * k * levels + k);
        },
      ),
      {seed: 17, numRuns: 200},
    );
  });

  it('count as refused, with a message that says so', async () => {
    const {outcomes} = await ask(failingAt(5), upTo(8));
    expect(outcomes[5]).toMatchObject({
      error: {
        message: 'Teacher a payer: It answered 500. It answers other inputs, so that this one makes it fail.',
        ...{refusal: 'of-input', retryable: false, status: 500},
      },
    });
  });

  it('are found in the first batch of a service that never answered before', async () => {
    const {outcomes, requests} = await ask(failingAt(6), upTo(8));
    expect(outcomes.filter(outcome => 'answer' in outcome)).toHaveLength(7);
    const all = upTo(8);
    expect(requests).toEqual([...Array(4).fill(all), ...[[0, 1, 2, 3], [4, 5, 6, 7], [4, 5], [6, 7], [6], [7]], [6]]);
  });

  it('are found in requests about one input each, if others are answered meanwhile', async () => {
    const together = await ask(failingAt(3), upTo(40), {maxBatch: 1, concurrency: 4});
    expect(together.outcomes.map(outcome => 'error' in outcome)).toEqual(upTo(40).map(number => number === 3));
    expect(together.requests.filter(([number]) => number === 3)).toHaveLength(8);
  });

  it('are answered if the service recovers during the search', async () => {
    for (const until of [4, 5, 7, 9]) {
      const {outcomes} = await ask((numbers, request) => (request <= until ? refusal(500) : labels(numbers)), upTo(8), {
        hasEarlierAnswers: () => Promise.resolve(true),
      });
      expect(outcomes).toEqual(upTo(8).map(labelled));
    }
  });
});

describe('a service that is down', () => {
  const downAfter =
    (answered: number, status = 500): Respond =>
    (numbers, request) =>
      request > answered ? refusal(status) : labels(numbers);

  it.each([500, 502, 503, 504])('with %i gets 16 requests of the search, and the run ends', async status => {
    const {error, requests} = await ask(downAfter(3, status), upTo(320), {maxBatch: 64});
    expect(error!.message).toBe(`Teacher a payer: It answered ${status}.`);
    expect(requests).toHaveLength(3 + 4 + 16);
  });

  it.each([2, 8, 32])('gets no more of them if %i requests are under way at once', async concurrency => {
    const {error, requests} = await ask(downAfter(3), upTo(64 * 64), {maxBatch: 64, concurrency});
    expect(error).toMatchObject({status: 500});
    expect(requests.length).toBeLessThanOrEqual(3 + 4 * concurrency + 16);
  });

  it('and never answered gets 4 of them', async () => {
    const {error, requests} = await ask(downAfter(0), upTo(320), {maxBatch: 64});
    expect(error).toMatchObject({status: 500});
    expect(requests).toHaveLength(4 + 4);
  });

  it('gets none of them if it says when to ask again, or if it is asked about one input', async () => {
    const overloaded: Respond = (numbers, request) =>
      request > 1 ? refusal(503, {'retry-after': '1'}) : labels(numbers);
    const payer = payingTeacher(
      () => new TeacherError('a payer', 'Later.', {status: 503, retryable: true, retryAfter: 1}),
    );
    const refusals = new Refusals(payer);
    refusals.answered();
    const teacher = withFailedInputs(payer, {refusals, sleep: () => Promise.resolve()});
    await expect(teacher.ask(about(1, 2))).rejects.toThrow('Later.');
    expect(payer.requests).toHaveLength(4);
    expect((await ask(overloaded, upTo(2), {maxBatch: 1})).requests).toHaveLength(1 + 4);
  });
});
