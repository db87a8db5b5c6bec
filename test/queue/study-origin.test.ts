import {describe, expect, it} from 'vitest';
import {studyDifference, studyId} from '../../src/queue/study-origin.ts';
import {type StudyOrigin, studyQueue} from '../../src/queue/study-run.ts';

const origin: StudyOrigin = {version: '1.0.0', engine: 'wasm 4.22.0', recipe: 'a'.repeat(64), data: 'b'.repeat(64)};
const about = {name: 'tickets', origin, threads: 1, knowledge: [{path: 'knowledge/a.safetensors', sha256: 'c'}]};

describe('the trainings of a study on a queue', () => {
  it('have one name wherever they are begun, and another if anything decides differently', () => {
    expect(studyId({...about})).toBe(studyId(about));
    const others = [
      {...about, threads: 2},
      {...about, changes: {seeds: [1, 2]}},
      {...about, origin: {...origin, engine: 'native 2.15.1'}},
      {...about, knowledge: [{path: 'knowledge/a.safetensors', sha256: 'd'}]},
    ];
    expect(new Set([about, ...others].map(studyId)).size).toBe(5);
    expect(studyQueue({name: 'a:b', id: '1'})).toBe('limbeck a_b trainings 1');
  });

  it('are refused with both values of what is not the same', () => {
    expect(studyDifference(origin, {...origin})).toBeUndefined();
    expect(studyDifference(origin, {...origin, engine: 'native 2.15.1'})).toBe(
      'the engine (wasm 4.22.0 in the run, native 2.15.1 here)',
    );
    const other = {version: '2.0.0', engine: 'wasm 4.22.0', recipe: 'd'.repeat(64), data: 'e'.repeat(64)};
    expect(studyDifference(origin, other)).toMatch(
      /^the version .*; the recipe \(a{12} .* d{12} here\); the data, digest/,
    );
  });
});
