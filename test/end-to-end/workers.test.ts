import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import type {ResultRow, Results} from '../../src/study/results.ts';
import {type Finished, fixture, workplace} from './limbeck.ts';

const {folder, run, json} = workplace();

/** What does not depend on how long it took. */
const numbersOf = (rows: readonly ResultRow[]) => rows.map(({seconds: _, ...numbers}) => numbers);

describe('worker processes', () => {
  it('come to the same numbers, in the same order, as this process alone', async () => {
    const alone = await json<Results>(['compare', fixture('recipe.ts'), '--workers', '1', '--out', 'alone']);
    const shared = await json<Results>(['compare', fixture('recipe.ts'), '--workers', '3', '--out', 'shared']);
    expect(numbersOf(shared.rows)).toEqual(numbersOf(alone.rows));
    expect(shared.methods).toEqual(alone.methods);
    expect(shared.failures).toEqual([]);
  });

  describe('where some die', () => {
    let finished: Finished;
    let results: Results;
    beforeAll(async () => {
      finished = await run(['compare', fixture('crash.ts'), '--workers', '2'], {env: {TEST_MARKER: 'died'}});
      results = JSON.parse(readFileSync(join(folder(), 'out/crash/results.json'), 'utf8')) as Results;
    });

    it('a run whose worker died is tried once more and comes to what it would have', () => {
      const [sound, again] = results.rows;
      expect(results.rows.map(({method}) => method)).toEqual(['sound', 'dies once']);
      expect({...again, method: 'sound', seconds: 0}).toEqual({...sound, seconds: 0});
    });

    it('a run that dies again is reported, and the others are there all the same', () => {
      expect(results.failures).toEqual([
        {level: 'none', method: 'dies always', seed: 1, reason: expect.stringContaining('SIGKILL')},
      ]);
      expect(results.methods.map(({method}) => method)).toEqual(['sound', 'dies once']);
      expect(finished.stdout).toContain('Failed: dies always, seed 1: ');
      expect(readFileSync(join(folder(), 'out/crash/report.html'), 'utf8')).toContain('1 run failed');
    });

    it('the command ends with 1: a study with a hole in it is no success', () => {
      expect(finished.code).toBe(1);
    });
  });
});
