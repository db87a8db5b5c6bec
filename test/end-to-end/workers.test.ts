import {existsSync, readdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import type {QuestionsResults} from '../../src/study/joint/results.ts';
import type {MethodResult, ResultRow, Results} from '../../src/study/results.ts';
import {readCheckpoint} from '../../src/train/checkpoint-file.ts';
import {until} from '../built.ts';
import {type Finished, fixture, workplace} from './limbeck.ts';

const {folder, start, run, json} = workplace();

/** What does not depend on how long it took. */
const numbersOf = (rows: readonly ResultRow[]) => rows.map(({seconds: _, ...numbers}) => numbers);
const withoutTimes = (methods: readonly MethodResult[]) => methods.map(({efficiency: _, ...rest}) => rest);

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

  describe('of a study that is killed', () => {
    const command = ['compare', fixture('enduring.ts'), '--workers', '2'];
    const runs = ['plain/seed-1', 'plain/seed-2', 'smoothed/seed-1', 'smoothed/seed-2'];
    const place = (out: string, run: string): string => join(folder(), out, 'students', run);
    const epochsOf = async (path: string): Promise<number> => ((await readCheckpoint(path))?.progress.epoch ?? 1) - 1;

    it('keep their runs, and the same command goes on to the numbers of an undisturbed one', async () => {
      const whole = await json<Results>([...command, '--out', 'whole']);

      const running = start([...command, '--out', 'killed'], {env: {TEST_MARKER: 'killed-here'}});
      await until('the middle of a run', () => existsSync(join(folder(), 'killed-here')), 60);
      running.kill('SIGKILL');
      await running.finished;
      expect(runs.some(run => existsSync(place('killed', run)))).toBe(true);
      await until('a run that is kept in its middle', async () => {
        const epochs = await Promise.all(runs.map(run => epochsOf(`${place('killed', run)}.checkpoint`)));
        return epochs.includes(10);
      });

      const {stderr, stdout} = await run([...command, '--out', 'killed', '--json']);
      expect(stderr.match(/Goes on with the runs that an earlier process left\./g)).toHaveLength(1);
      expect(stderr).toMatch(/Trains [1-3] students?; [1-3] others? of this study (is|are) kept\./);
      expect(stderr).toMatch(/train [1-3] students · .*step \d+ %/);
      const {rows, methods} = JSON.parse(stdout) as Results;
      expect(numbersOf(rows)).toEqual(numbersOf(whole.rows));
      expect(withoutTimes(methods)).toEqual(withoutTimes(whole.methods));
      for (const out of ['whole', 'killed']) {
        for (const run of runs) {
          const [student, kept] = [place(out, run), join(place(out, run), '..')];
          expect(readFileSync(join(student, 'weights.bin'))).toEqual(
            readFileSync(join(place('whole', run), 'weights.bin')),
          );
          expect(readdirSync(kept).filter(name => name.includes('checkpoint'))).toEqual([]);
        }
      }
    });

    it('start afresh where the recipe has changed meanwhile', async () => {
      const running = start([...command, '--out', 'changed'], {env: {TEST_MARKER: 'changed-here'}});
      await until('the middle of a run', () => existsSync(join(folder(), 'changed-here')), 60);
      running.kill('SIGKILL');
      await running.finished;
      const {stderr, code} = await run([...command, '--out', 'changed'], {env: {TEST_EPOCHS: '2'}});
      expect(code).toBe(0);
      expect(stderr).not.toContain('Goes on');
    });
  });
});
