import {existsSync, readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import type {Results} from '../../src/study/results.ts';
import {readCheckpoint} from '../../src/train/checkpoint-file.ts';
import {until} from '../built.ts';
import {type Finished, fixture, workplace} from './limbeck.ts';
import {numbersOf, withoutTimes} from './numbers.ts';

const {folder, start, run, json} = workplace();

describe('worker processes where some die', () => {
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

describe('worker processes of a study that is killed', () => {
  const command = ['compare', fixture('enduring.ts'), '--workers', '2'];
  const runs = ['plain/seed-1', 'plain/seed-2', 'smoothed/seed-1', 'smoothed/seed-2'];
  const pathOf = (out: string, run: string): string => join(folder(), out, 'students', run);
  const epochsOf = async (path: string): Promise<number> => ((await readCheckpoint(path))?.progress.epoch ?? 1) - 1;

  it('keep their runs, and the same command goes on to the numbers of an undisturbed one', async () => {
    const whole = await json<Results>([...command, '--out', 'whole']);

    const running = start([...command, '--out', 'killed'], {env: {TEST_MARKER: 'killed-here'}});
    await until('the middle of a run', () => existsSync(join(folder(), 'killed-here')));
    running.kill('SIGKILL');
    await running.finished;
    expect(runs.some(run => existsSync(pathOf('killed', run)))).toBe(true);
    await until('a run that is kept in its middle', async () => {
      const epochs = await Promise.all(runs.map(run => epochsOf(`${pathOf('killed', run)}.checkpoint`)));
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
        const [student, kept] = [pathOf(out, run), join(pathOf(out, run), '..')];
        expect(readFileSync(join(student, 'weights.bin'))).toEqual(
          readFileSync(join(pathOf('whole', run), 'weights.bin')),
        );
        expect(readdirSync(kept).filter(name => name.includes('checkpoint'))).toEqual([]);
      }
    }
  });

  it('start afresh where the recipe has changed meanwhile', async () => {
    const running = start([...command, '--out', 'changed'], {env: {TEST_MARKER: 'changed-here'}});
    await until('the middle of a run', () => existsSync(join(folder(), 'changed-here')));
    running.kill('SIGKILL');
    await running.finished;
    const {stderr, code} = await run([...command, '--out', 'changed'], {env: {TEST_EPOCHS: '2'}});
    expect(code).toBe(0);
    expect(stderr).not.toContain('Goes on');
  });
});
