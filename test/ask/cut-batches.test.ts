import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {batchEnd, batchesOf} from '../../src/ask/cut-batches.ts';
import {predicate} from '../../src/questions.ts';
import type {Query} from '../../src/teacher.ts';
import {about} from './fake-teacher.ts';

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
