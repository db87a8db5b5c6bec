import {readdirSync} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import type {StudyPlan} from '../../src/study/plan.ts';
import type {ResultRow, Results} from '../../src/study/results.ts';
import {fixture, workplace} from './limbeck.ts';
import {numbersOf, withoutTimes} from './numbers.ts';

const {folder, json, run} = workplace();

describe('methods that ask in their own way', () => {
  it('are planned, labelled, trained and compared, in this process and in others, to the same numbers', async () => {
    const recipe = fixture('views.ts');
    const planned = await json<StudyPlan>(['plan', recipe]);
    expect(
      planned.levels.map(({method, inputs, parts, cached}) => [method, parts?.[0]?.inputs ?? inputs, cached]),
    ).toEqual([
      [undefined, 50, 0],
      ['votes', 100, 0],
      ['mixtures', 150, 50],
      [undefined, 50, 0],
      [undefined, 500, 0],
    ]);
    const {levels} = await json<{levels: readonly object[]}>(['label', recipe, '--level', 'black-box']);
    expect(levels).toMatchObject([
      {level: 'black-box', answers: 50, bought: 50},
      {level: 'black-box', method: 'votes', answers: 50, asked: 100, bought: 50, cached: 50},
      {level: 'black-box', method: 'mixtures', answers: 150, bought: 100, cached: 50},
    ]);
    const alone = await json<Results>(['compare', recipe, '--workers', '1']);
    const shared = await json<Results>(['compare', recipe, '--workers', '2', '--out', 'shared']);
    expect(shared.failures).toEqual([]);
    expect(numbersOf(shared.rows)).toEqual(numbersOf(alone.rows));
    expect(withoutTimes(shared.methods)).toEqual(withoutTimes(alone.methods));
    expect(alone.rows.map(({method, budget}) => [method, budget])).toEqual([
      ['moved', 50],
      ['labels', 50],
      ['votes', 50],
      ['mixtures', 150],
      ['live', 100],
    ]);
    expect(readdirSync(join(folder(), 'out/views/knowledge')).sort()).toEqual([
      'black-box.mixtures.safetensors',
      'black-box.safetensors',
      'black-box.votes.safetensors',
      'white-box.safetensors',
    ]);
    for (const method of ['live', 'mixtures']) {
      const {curve} = await json<ResultRow>(['train', recipe, '--method', method, '--offline']);
      // `train` computes with all cores, the study with one: the last digits may differ.
      const studied = alone.rows.find(row => row.method === method)!.curve;
      expect(curve).toEqual(studied.map(point => ({...point, loss: expect.closeTo(point.loss, 4)})));
    }
    const missing = await run(['train', recipe, '--method', 'votes', '--out', 'nowhere']);
    expect(missing.stderr).toContain('black-box.votes.safetensors');
  }, 180_000);
});
