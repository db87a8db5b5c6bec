import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import type {QuestionsResults} from '../../src/study/joint/results.ts';
import type {Results} from '../../src/study/results.ts';
import {fixture, workplace} from './limbeck.ts';
import {numbersOf, withoutTimes} from './numbers.ts';

const {folder, run, json} = workplace();

describe('worker processes', () => {
  it('come to the same numbers, in the same order, as this process alone', async () => {
    const alone = await json<Results>(['compare', fixture('recipe.ts'), '--workers', '1', '--out', 'alone']);
    const shared = await json<Results>(['compare', fixture('recipe.ts'), '--workers', '3', '--out', 'shared']);
    expect(numbersOf(shared.rows)).toEqual(numbersOf(alone.rows));
    expect(withoutTimes(shared.methods)).toEqual(withoutTimes(alone.methods));
    expect(shared.failures).toEqual([]);
  });

  it('tune to the same choices as this process alone, and `train` goes by what `compare` found', async () => {
    const alone = await json<Results>(['compare', fixture('tuned.ts'), '--workers', '1', '--out', 'tuned-alone']);
    const shared = await json<Results>(['compare', fixture('tuned.ts'), '--workers', '2', '--out', 'tuned-shared']);
    expect(shared.methods.map(({tuning}) => tuning)).toEqual(alone.methods.map(({tuning}) => tuning));
    expect(shared.methods.map(({tuning}) => tuning?.trials.length)).toEqual([2, 2]);
    expect(numbersOf(shared.rows)).toEqual(numbersOf(alone.rows));
    const trained = await json<{readonly tuning: unknown}>([
      ...['train', fixture('tuned.ts'), '--method', 'weight', '--out', 'tuned-shared'],
    ]);
    expect(trained.tuning).toEqual(alone.methods[1]!.tuning);
  });

  it('train students of several questions to the same bits as one process, and try again if one dies', async () => {
    const options = {env: {TEST_MARKER: 'died-once', TF_NUM_INTRAOP_THREADS: '1'}};
    const compare = (workers: string, out: string) =>
      json<QuestionsResults>(['compare', fixture('questions.ts'), '--workers', workers, '--out', out], options);
    const shared = await compare('2', 'joint-shared');
    expect(existsSync(join(folder(), 'died-once'))).toBe(true);
    const alone = await compare('1', 'joint-alone');
    for (const [index, {results}] of alone.questions.entries()) {
      expect(results.rows.map(({method}) => method)).toEqual(['sound', 'dies once']);
      expect(numbersOf(shared.questions[index]!.results.rows)).toEqual(numbersOf(results.rows));
      expect(results.failures).toEqual([]);
    }
    const weights = (out: string, method: string) =>
      readFileSync(join(folder(), out, 'students', method, 'seed-1', 'weights.bin'));
    for (const method of ['sound', 'dies-once']) {
      expect(weights('joint-shared', method)).toEqual(weights('joint-alone', method));
    }
    const {stderr} = await run(
      ['compare', fixture('questions.ts'), '--workers', '2', '--out', 'joint-shared'],
      options,
    );
    expect(stderr).toContain('Trains 0 students; 2 others of this study are kept.');
    const command = ['train', fixture('questions.ts'), '--method', 'sound', '--out', 'joint-alone', '--resume'];
    const trained = await json<{readonly validationAccuracy: number; readonly curve: unknown[]}>(command, options);
    expect(trained).toMatchObject({validationAccuracy: expect.any(Number), curve: {length: 4}});
    expect(weights('joint-alone', 'sound')).toEqual(weights('joint-shared', 'sound'));
  });

  it('reproduce a study of several questions by its folder, not by that of one question', async () => {
    const env = {TEST_MARKER: 'died-once', TF_NUM_INTRAOP_THREADS: '1'};
    const [whole, one] = await Promise.all([
      run(['reproduce', 'joint-alone'], {env}),
      run(['reproduce', join('joint-alone', 'questions', 'corner')], {env}),
    ]);
    expect(whole).toMatchObject({code: 0});
    expect(whole.stdout).toMatch(/^Every number is the same, to the last bit\.\nThe new results: /);
    expect(one).toMatchObject({code: 1, stdout: ''});
    expect(one.stderr).toMatch(
      /corner has the results of one question of a study .* Give the folder of the study, joint-alone\./,
    );
    const joint = (file: string) => JSON.parse(readFileSync(join(folder(), file, 'joint.json'), 'utf8')).joint;
    expect(joint('joint-alone/reproduced')).toEqual(joint('joint-alone'));
    const path = join(folder(), 'joint-alone', 'joint.json');
    const [first, ...others] = joint('joint-alone');
    const [seed, ...seeds] = first.seeds;
    const moved = {...first, seeds: [{...seed, agreement: seed.agreement - 0.2}, ...seeds]};
    const document = {...JSON.parse(readFileSync(path, 'utf8')), joint: [moved, ...others]};
    writeFileSync(path, JSON.stringify(document));
    const other = await run(['reproduce', 'joint-alone'], {env});
    expect(other).toMatchObject({code: 1});
    expect(other.stdout).toContain('all questions: sound: mean agreement has moved by 20.00 points');
  });
});
