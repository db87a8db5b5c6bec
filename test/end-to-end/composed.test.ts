import {describe, expect, it} from 'vitest';
import {fixture, workplace} from './limbeck.ts';
import {answering, remoteTeacher} from './remote-teacher.ts';

const {run} = workplace();
const recipe = fixture('composed.ts');

describe('a recipe whose teacher is made of others', () => {
  it('is planned, labelled and explained by its parts', async () => {
    const remote = await remoteTeacher(answering);
    const env = {TEST_TEACHER_URL: remote.url};
    expect((await run(['plan', recipe], {env})).stdout).toContain(
      'gray-box, transfer set: open-inference letters at remote, 2 times\n  60 inputs, 0 cached, 60 to ask\n' +
        '  of open-inference letters at remote:\n    120 queries, 0 cached, 120 to ask\n',
    );
    expect((await run(['cache', 'explain', recipe], {env})).stderr).toContain('There is no cache');

    const labelled = await run(['label', recipe], {env});
    expect(labelled.stdout).toMatch(/^gray-box: 60 answers \(made of 120 of its parts, 120 bought, 0 cached\) in /);
    const {stdout} = await run(['cache', 'explain', recipe, '--input', '5'], {env});
    expect(stdout).toMatch(
      /^Input 5, open-inference letters at remote, sample 0, is kept: [0-9a-f]{64}, log-probabilities\nInput 5, open-inference letters at remote, sample 1, is kept: /,
    );
    const requests = remote.headers.length;
    expect((await run(['label', recipe, '--offline'], {env})).stdout).toContain('0 bought, 120 cached');
    expect(remote.headers).toHaveLength(requests);
  });
});
