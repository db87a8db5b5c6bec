import {describe, expect, it} from 'vitest';
import {originDifference, runId} from '../../src/queue/origin.ts';
import type {RunOrigin} from '../../src/queue/run.ts';

const origin: RunOrigin = {
  version: '1.0.0',
  recipe: 'a'.repeat(64),
  parts: [
    {
      plan: 'gray-box',
      inputs: 10,
      versions: 1,
      data: 'd'.repeat(64),
      teacher: {name: 'teacher', identity: 'e'.repeat(64)},
    },
  ],
};
const [only] = origin.parts as [RunOrigin['parts'][number]];

describe('originDifference', () => {
  it('is none between equal origins, however often they were written and read', () => {
    expect(originDifference(origin, JSON.parse(JSON.stringify(origin)))).toBeUndefined();
  });

  it.each([
    ['the version', {version: '1.0.1'}, 'the version of limbeck (1.0.0 in the run, 1.0.1 here)'],
    ['the recipe', {recipe: 'b'.repeat(64)}, 'the recipe (aaaaaaaaaaaa in the run, bbbbbbbbbbbb here)'],
    ['the plans', {parts: [only, only]}, 'the number of query plans (1 in the run, 2 here)'],
    ['a plan', {parts: [{...only, plan: 'black-box'}]}, 'a query plan (gray-box in the run, black-box here)'],
    [
      'the data',
      {parts: [{...only, inputs: 11}]},
      'the data of gray-box (10 queries, digest dddddddddddd in the run, 11 queries, digest dddddddddddd here)',
    ],
    [
      'a teacher',
      {parts: [{...only, teacher: {name: 'other', identity: 'f'.repeat(64)}}]},
      'the teacher of gray-box (teacher, digest of its identity eeeeeeeeeeee in the run, other, digest of its identity ' +
        'ffffffffffff here)',
    ],
  ])('names %s with both values, and gives the run another name', (_, change, said) => {
    const other = {...origin, ...change};
    expect(originDifference(origin, other)).toBe(said);
    expect(runId(other, 512)).not.toBe(runId(origin, 512));
  });

  it('lets the name of a run follow from the size of its ranges', () => {
    expect(runId(origin, 512)).toMatch(/^[0-9a-f]{12}$/);
    expect(runId(origin, 512)).not.toBe(runId(origin, 256));
  });
});
