import {existsSync} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import type {StudyProbe} from '../../src/study/probe.ts';
import {type JsonReply, jsonServer} from '../adapters/json-server.ts';
import {fixture, workplace} from './limbeck.ts';

const {folder, run, json} = workplace();
const probe = ['probe', fixture('probed.ts')];
const label = ['label', fixture('probed.ts'), '--level', 'black-box'];

interface Asked {
  readonly tensor: object;
}

/** A service that counts its requests. */
async function serve(answer: (body: Asked) => JsonReply) {
  const asked: string[] = [];
  const url = await jsonServer((body: Asked) => {
    asked.push(JSON.stringify(body.tensor));
    return answer(body);
  });
  return {asked, env: {TEST_TEACHER_URL: url}};
}

/** Answers with probabilities of two decimals, and says how much of its limits is left. */
const sound = ({tensor}: Asked): JsonReply => {
  const least = (JSON.stringify(tensor).length % 5) / 20;
  return {
    headers: {'x-ratelimit-limit-requests': '600', 'x-ratelimit-remaining-requests': '599'},
    body: {
      label: 0,
      probabilities: [0.73, 0.27 - least, least].map(value => Number(value.toFixed(2))),
      model: 'm-1',
      tokens: 12,
    },
  };
};

const unusable = (): JsonReply => ({body: {label: 7, probabilities: [0.9, 0.9, 0.9], model: 'm-1', tokens: 12}});

describe('limbeck probe', () => {
  it('says what a service gives in truth and what it costs, and keeps what it paid for', async () => {
    const {asked, env} = await serve(sound);
    const {code, stdout, stderr} = await run(probe, {env});
    expect({code, stderr}).toEqual({code: 0, stderr: expect.stringContaining('is asked about 5 inputs, each twice')});
    const [, black, gray] = stdout.trim().split('\n\n');
    expect(black).toMatch(/^black-box: http service at .*\n {2}asked {6}5 inputs: 10 requests, 120 tokens, \$0\.012\n/);
    expect(gray).toContain('  classes    all 3 in every answer\n  sum        1.0000\n');
    expect(gray).toContain('  rounded    probabilities to 2 decimals');
    expect(gray).toContain('  repeated   all 5 answers the same to the bit\n');
    expect(gray).toContain(
      '  model      m-1\n  limits     600 requests, 599 left\n  an input   12 + 0 tokens, $0.0012; ',
    );
    expect(gray).toMatch(/ {2}whole set {2}60 inputs: 60 requests, 720 tokens, \$0\.072, .* or more$/);
    expect(asked).toHaveLength(20);
    expect(new Set(asked).size).toBe(5);
    expect(existsSync(join(folder(), 'out'))).toBe(false);

    const offline = await json<StudyProbe>([...probe, '--level', 'gray-box', '--offline'], {env});
    expect(offline.levels).toMatchObject([{level: 'gray-box', answers: {answers: 5}, paid: {calls: 0, cached: 5}}]);
    expect(asked).toHaveLength(20);
    const {levels} = await json<{levels: object[]}>(label, {env});
    expect(levels).toMatchObject([{bought: 55, cached: 5}]);
  });

  it('ends with 1 where a teacher is not what the recipe needs, after it has said in what', async () => {
    const {env} = await serve(unusable);
    const {code, stdout, stderr} = await run([...probe, '--cache', 'other/answers', '--questions', '3'], {env});
    expect(code).toBe(1);
    expect(stdout).toMatch(
      / {2}error: Not one of 3 inputs brought an answer\. It gave a label outside the class list of 3\./,
    );
    expect(stderr).toMatch(
      /^limbeck: The recipe probed can't be used in its present form\. .* the errors of black-box and gray-box and their remedies\./m,
    );
  });

  it('pays for one request of a set-up that is broken, and never shows the key', async () => {
    const {asked, env} = await serve(() => ({status: 401, body: {error: 'sekret-123 is not the key'}}));
    const {code, stdout, stderr} = await run([...probe, '--cache', 'refused/answers', '--level', 'gray-box'], {
      env: {...env, LIMBECK_TEACHER_KEY: 'sekret-123'},
    });
    expect(code).toBe(1);
    expect(stdout).toContain('It answered 401: "[secret] is not the key". It refuses the key.');
    expect(asked).toHaveLength(1);
    expect(stdout + stderr).not.toContain('sekret');
  });

  it('sends nothing beyond its budget', async () => {
    const {asked, env} = await serve(sound);
    const budget = ['--cache', 'budget/answers', '--level', 'gray-box', '--budget', '7calls'];
    const {code, stdout} = await run([...probe, ...budget], {env});
    expect({code, requests: asked.length}).toEqual({code: 0, requests: 7});
    expect(stdout).toContain('  repeated   all 2 answers the same to the bit\n');
    expect(stdout).toMatch(/ {2}warning: 3 of 5 inputs brought no second answer\. .*budget/);
  });

  it('refuses a number of queries that is none', async () => {
    const refused = await run([...probe, '--questions', '0']);
    expect(refused).toMatchObject({code: 1, stdout: '', stderr: expect.stringContaining('whole number above 0')});
  });
});

describe('a run of which the first requests bring no answer', () => {
  it('stops after 20 of them and four more from all over the set, and says what is wrong and what to do', async () => {
    const {asked, env} = await serve(unusable);
    const {code, stdout, stderr} = await run([...label, '--cache', 'stopped/answers'], {env});
    expect({code, stdout, requests: asked.length}).toEqual({code: 1, stdout: '', requests: 24});
    expect(stderr).toMatch(
      /limbeck: Teacher .*: 24 requests brought not one usable answer, so no more are sent\.\n {2}24 times: It gave a label/,
    );
    expect(stderr).toContain('limbeck probe');
  });

  it('goes on with --keep-going', async () => {
    const {asked, env} = await serve(unusable);
    const {code, stderr} = await run([...label, '--cache', 'going/answers', '--keep-going'], {env});
    expect({code, requests: asked.length}).toEqual({code: 1, requests: 120});
    expect(stderr).toContain('left 60 of 60 inputs without an answer');
  });
});
