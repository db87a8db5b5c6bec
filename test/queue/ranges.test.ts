import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {countQueries, countRanges, rangesOf} from '../../src/queue/ranges.ts';
import type {Run, RunPart} from '../../src/queue/run.ts';

const part = (inputs: number, plan = 'gray-box', question?: string): RunPart => ({
  ...(question !== undefined && {question}),
  plan,
  inputs,
  versions: 2,
  data: 'd',
  teacher: {name: 't', identity: 'i'},
});

const runOf = (parts: readonly RunPart[], range: number): Run => ({
  format: 1,
  id: 'id',
  name: 'banking',
  begun: '2026-01-01T00:00:00.000Z',
  range,
  origin: {version: '1', recipe: 'r', parts},
  cache: {kind: 'queue'},
  options: {retryQuarantined: false, keepGoing: false, budget: []},
});

describe('rangesOf', () => {
  it('has names for people, and ids that follow from the rows', () => {
    const ranges = [...rangesOf(runOf([part(600), part(300, 'black-box', 'topic')], 512))];
    expect(ranges.map(({name, data, opts}) => [name, data, opts.jobId])).toEqual([
      ['banking gray-box rows 0:512', {part: 0, from: 0, to: 512}, '0-0-512'],
      ['banking gray-box rows 512:600', {part: 0, from: 512, to: 600}, '0-512-600'],
      ['banking topic, black-box rows 0:300', {part: 1, from: 0, to: 300}, '1-0-300'],
    ]);
  });

  it('has every row of every part in one range', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({min: 1, max: 4000}), {maxLength: 3}),
        fc.integer({min: 256, max: 1000}),
        (counts, range) => {
          const run = runOf(
            counts.map(count => part(count)),
            range,
          );
          const ranges = [...rangesOf(run)];
          expect(ranges).toHaveLength(countRanges(run));
          expect(new Set(ranges.map(({opts}) => opts.jobId)).size).toBe(ranges.length);
          for (const [index, count] of counts.entries()) {
            let next = 0;
            for (const {data} of ranges.filter(one => one.data.part === index)) {
              expect([data.from, data.to - data.from <= range]).toEqual([next, true]);
              next = data.to;
            }
            expect(next).toBe(count);
          }
          expect(countQueries(run)).toBe(2 * counts.reduce((sum, count) => sum + count, 0));
        },
      ),
      {numRuns: 50},
    );
  });
});
