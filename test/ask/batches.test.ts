import {setTimeout} from 'node:timers/promises';
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {batchEnd, batchesOf, withBatches} from '../../src/ask/batches.ts';
import {predicate} from '../../src/questions.ts';
import type {Query} from '../../src/teacher.ts';
import {about, fakeTeacher, labelled} from './fake-teacher.ts';

const fields = {access: 'black-box', detail: {kind: 'label'}} as const;

describe('withBatches', () => {
  it('keeps the order and never goes over the limits, however long calls take and whoever makes them', async () => {
    const arbitrary = fc.record({
      maxBatch: fc.integer({min: 1, max: 7}),
      concurrency: fc.integer({min: 1, max: 4}),
      sizes: fc.array(fc.nat(30), {minLength: 1, maxLength: 3}),
      delays: fc.array(fc.nat(3), {minLength: 1}),
    });
    await fc.assert(
      fc.asyncProperty(arbitrary, async ({maxBatch, concurrency, sizes, delays}) => {
        let [active, most] = [0, 0];
        const teacher = fakeTeacher<'black-box'>({...fields, maxBatch, concurrency}, async (numbers, call) => {
          most = Math.max(most, ++active);
          await setTimeout(delays[call % delays.length]);
          active--;
          return numbers.map(labelled);
        });
        const batched = withBatches(teacher);
        const asked = sizes.map((size, index) => Array.from({length: size}, (_, number) => index * 100 + number));
        const outcomes = await Promise.all(asked.map(numbers => batched.ask(about(...numbers))));
        expect(outcomes).toEqual(asked.map(numbers => numbers.map(labelled)));
        expect(most).toBeLessThanOrEqual(concurrency);
        expect(Math.max(0, ...teacher.calls.map(numbers => numbers.length))).toBeLessThanOrEqual(maxBatch);
        expect(teacher.calls.length).toBe(sizes.reduce((sum, size) => sum + Math.ceil(size / maxBatch), 0));
        if (Math.max(...sizes) >= maxBatch * concurrency) expect(most).toBe(concurrency);
      }),
      {numRuns: 40},
    );
  });

  it('asks one batch at a time if the teacher names no concurrency', async () => {
    let active = 0;
    const teacher = fakeTeacher<'black-box'>(fields, async numbers => {
      expect(++active).toBe(1);
      await setTimeout(1);
      active--;
      return numbers.map(labelled);
    });
    await withBatches(teacher).ask(about(1, 2, 3, 4, 5));
    expect(teacher.calls).toEqual([[1, 2], [3, 4], [5]]);
  });

  it('lets the batches under way finish after an error, starts no other, and throws the first error', async () => {
    const finished: number[] = [];
    const teacher = fakeTeacher<'black-box'>({...fields, maxBatch: 1, concurrency: 3}, async ([number = 0]) => {
      await setTimeout(number === 2 ? 5 : 20);
      finished.push(number);
      if (number > 1) throw new Error(`no ${number}`);
      return [labelled(number)];
    });
    const batched = withBatches(teacher);
    await expect(batched.ask(about(1, 2, 3, 4, 5, 6))).rejects.toThrow('no 2');
    expect(finished.sort()).toEqual([1, 2, 3]);
    expect(teacher.calls.flat()).toEqual([1, 2, 3]);
  });

  it('goes on to the next batch while layers that hold no slot are still at one, but not without end', async () => {
    const teacher = fakeTeacher<'black-box'>({...fields, maxBatch: 1, concurrency: 2}, numbers =>
      numbers.map(labelled),
    );
    let keep = () => {};
    const isKept = new Promise<void>(resolve => {
      keep = resolve;
    });
    const batched = withBatches(teacher, inTurn => ({
      ...inTurn,
      async ask(queries, options) {
        const outcomes = await inTurn.ask(queries, options);
        await isKept;
        return outcomes;
      },
    }));
    const asking = batched.ask(about(1, 2, 3, 4, 5, 6, 7));
    await setTimeout(10);
    expect(teacher.calls.flat()).toEqual([1, 2, 3, 4]);
    keep();
    expect(await asking).toEqual([1, 2, 3, 4, 5, 6, 7].map(labelled));
  });

  it('starts no batch after an abort and throws its reason', async () => {
    const controller = new AbortController();
    const teacher = fakeTeacher<'black-box'>({...fields, maxBatch: 1}, ([number = 0]) => {
      if (number === 2) controller.abort(new Error('enough'));
      return [labelled(number)];
    });
    await expect(withBatches(teacher).ask(about(1, 2, 3, 4), {signal: controller.signal})).rejects.toThrow('enough');
    expect(teacher.calls.flat()).toEqual([1, 2]);
  });

  it('gives the answers that an abort came too late for', async () => {
    const controller = new AbortController();
    const teacher = fakeTeacher<'black-box'>(fields, numbers => {
      controller.abort();
      return numbers.map(labelled);
    });
    expect(await withBatches(teacher).ask(about(1, 2), {signal: controller.signal})).toEqual([
      labelled(1),
      labelled(2),
    ]);
  });

  it('throws the reason of an abort for which a layer below left queries open', async () => {
    const controller = new AbortController();
    const teacher = fakeTeacher<'black-box'>(fields, () => {
      controller.abort(new Error('enough'));
      return [labelled(1), {error: new Error('cut short')}];
    });
    await expect(withBatches(teacher).ask(about(1, 2), {signal: controller.signal})).rejects.toThrow('enough');
  });

  it('leaves the neighbours of a query that fails alone', async () => {
    const error = new Error('no number');
    const teacher = fakeTeacher<'black-box'>(fields, numbers => {
      return numbers.map(number => (number === 3 ? {error} : labelled(number)));
    });
    expect(await withBatches(teacher).ask(about(1, 2, 3, 4))).toEqual([labelled(1), labelled(2), {error}, labelled(4)]);
  });

  it('passes its options on', async () => {
    const teacher = fakeTeacher<'black-box'>(fields, numbers => numbers.map(labelled));
    const detail = {kind: 'label'} as const;
    await withBatches(teacher).ask(about(1, 2, 3), {detail});
    expect(teacher.options).toMatchObject([{detail}, {detail}]);
  });

  it('takes any number of queries, none included', async () => {
    const batched = withBatches(fakeTeacher<'black-box'>(fields, numbers => numbers.map(labelled)));
    expect(batched.maxBatch).toBe(Number.POSITIVE_INFINITY);
    expect(await batched.ask([])).toEqual([]);
  });

  it('refuses limits that let nothing through', () => {
    const teacher = fakeTeacher<'black-box'>({...fields, maxBatch: 0}, () => []);
    expect(() => withBatches(teacher)).toThrow('Expected `maxBatch` of teacher a fake to be 1 or more, got 0.');
  });
});

const questions = Array.from({length: 9}, (_, index) => predicate(`q${index}`, `Question ${index}?`));
const list = {list: questions, areNamesShown: false};

/** Queries about inputs, each with as many questions as its number says. */
function queriesOf(counts: readonly number[]): Query[] {
  return about(...counts.keys()).flatMap((query, index) =>
    questions.slice(0, counts[index]).map(question => ({...query, question})),
  );
}

async function cut(queries: Iterable<Query>, limits: Parameters<typeof batchesOf>[1]): Promise<(readonly Query[])[]> {
  const next = batchesOf(queries, limits);
  const batches: (readonly Query[])[] = [];
  for (let batch = await next(); batch !== undefined; batch = await next()) {
    expect(batch.start).toBe(batches.flat().length);
    batches.push(batch.queries);
  }
  return batches;
}

describe('batchesOf', () => {
  it('keeps the order, and counts the questions about an input as one query for each request that they need', async () => {
    const arbitrary = fc.record({
      counts: fc.array(fc.integer({min: 1, max: 9}), {maxLength: 12}),
      maxBatch: fc.integer({min: 1, max: 4}),
      perRequest: fc.integer({min: 1, max: 5}),
    });
    await fc.assert(
      fc.asyncProperty(arbitrary, async ({counts, maxBatch, perRequest}) => {
        const queries = queriesOf(counts);
        const limits = {maxBatch, questions: {...list, perRequest}};
        const batches = await cut(queries, limits);
        expect(batches.flat()).toEqual(queries);
        const requests = counts.reduce((sum, count) => sum + Math.ceil(count / perRequest), 0);
        expect(batches.length).toBe(Math.ceil(requests / maxBatch));
        expect(await cut(new Set(queries), limits)).toEqual(batches);
      }),
    );
  });

  it('counts every query of a teacher without questions', async () => {
    const queries = about(1, 2, 3, 4, 5);
    expect((await cut(queries, {maxBatch: 2})).map(({length}) => length)).toEqual([2, 2, 1]);
    expect((await cut(new Set(queries), {maxBatch: 2})).map(({length}) => length)).toEqual([2, 2, 1]);
    expect(batchEnd(queries, 4, {maxBatch: 2})).toBe(5);
  });

  it('takes two samples of one input for two queries', async () => {
    const [query] = about(1) as [Query];
    const samples = [0, 1].flatMap(sample => questions.slice(0, 2).map(question => ({...query, sample, question})));
    const limits = {maxBatch: 1, questions: {...list, perRequest: 9}};
    expect((await cut(samples, limits)).map(({length}) => length)).toEqual([2, 2]);
  });
});
