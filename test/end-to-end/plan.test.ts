import {readdirSync} from 'node:fs';
import {describe, expect, it} from 'vitest';
import type {StudyPlan} from '../../src/study/plan.ts';
import {fixture, workplace} from './limbeck.ts';
import {answering, remoteTeacher} from './remote-teacher.ts';

const {folder, run, json} = workplace();
const plan = ['plan', fixture('remote.ts')];

describe('limbeck plan', () => {
  it('says what asking takes, without a request and without a file', async () => {
    const remote = await remoteTeacher(answering);
    const {code, stdout, stderr} = await run([...plan, '--rate', '0.5'], {env: {TEST_TEACHER_URL: remote.url}});
    expect({code, stderr}).toEqual({code: 0, stderr: ''});
    expect(stdout).toContain('black-box, transfer set: open-inference letters at remote\n  60 inputs, 0 cached');
    // They are inputs of the transfer set as well.
    expect(stdout).toContain('gray-box, test split: open-inference letters at remote\n  3 inputs, 3 cached');
    expect(stdout).toMatch(/All services together\n +at least +expected +at most\n +calls +17 +17 +85\n/);
    expect(stdout).toMatch(/time +34 s +34 s +2 min 50 s\n/);
    expect(remote.headers).toHaveLength(0);
    expect(readdirSync(folder())).toEqual([]);
  });

  it('plans as many requests as are then sent, and none for what is kept', async () => {
    const remote = await remoteTeacher(answering);
    const env = {TEST_TEACHER_URL: remote.url};
    const before = await json<StudyPlan>(plan, {env});
    const gray = before.levels.find(({level, about}) => level === 'gray-box' && about === 'transfer set');
    expect(gray).toMatchObject({inputs: 60, cached: 0});
    await json(['label', fixture('remote.ts'), '--level', 'gray-box'], {env});
    expect(remote.headers).toHaveLength(gray!.calls.expected);
    const after = await json<StudyPlan>(plan, {env});
    expect(after.levels.map(({level, about, cached}) => [level, about, cached])).toEqual([
      ['black-box', 'transfer set', 0],
      ['gray-box', 'transfer set', 60],
      ['gray-box', 'first inputs again', 0],
      ['gray-box', 'test split', 3],
    ]);
  });

  it('refuses a rate that is none', async () => {
    const refused = await run([...plan, '--rate', '0']);
    expect(refused).toMatchObject({code: 1, stdout: '', stderr: expect.stringContaining('Give a number above 0')});
  });
});
