import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {fixture, workplace} from './limbeck.ts';
import {answering, remoteTeacher} from './remote-teacher.ts';

const {folder, run, json} = workplace();
const gray = ['label', fixture('remote.ts'), '--level', 'gray-box'];
const black = ['label', fixture('remote.ts'), '--level', 'black-box'];
const name = 'open-inference letters at remote';

/** Everything that was written below the folder of the tests. */
function everythingWritten(): string {
  const entries = readdirSync(folder(), {recursive: true, withFileTypes: true});
  const files = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name));
  return files.map(file => readFileSync(file, 'latin1')).join('\n');
}

describe('limbeck label with a teacher elsewhere', () => {
  it('says where nothing answers, after it has tried again', async () => {
    const {code, stdout, stderr} = await run(gray, {env: {TEST_TEACHER_URL: 'http://127.0.0.1:9'}});
    expect({code, stdout}).toEqual({code: 1, stdout: ''});
    expect(stderr).toContain(`limbeck: Teacher ${name}: Nothing answers at 127.0.0.1:9. Check \`url\``);
    expect(stderr).not.toContain('unexpected');
  });

  it('says which address is none', async () => {
    const {code, stdout, stderr} = await run(gray, {env: {TEST_TEACHER_URL: 'localhost:8080'}});
    expect({code, stdout}).toEqual({code: 1, stdout: ''});
    expect(stderr).toMatch(/^limbeck: The service has no usable `url`\. Give an address such as http/);
  });

  it('never shows the key that a service refuses, and does not insist', async () => {
    const remote = await remoteTeacher(() => ({status: 401, body: {error: 'sekret-123 is not the key'}}));
    const env = {TEST_TEACHER_URL: remote.url, LIMBECK_TEACHER_KEY: 'sekret-123'};
    const {code, stdout, stderr} = await run(gray, {env});
    expect({code, stdout}).toEqual({code: 1, stdout: ''});
    expect(stderr).toContain(
      `Teacher ${name}: It answered 401: "[secret] is not the key". It refuses the key. Set LIMBECK_TEACHER_KEY or pass \`key\`.`,
    );
    expect(remote.headers[0]).toMatchObject({authorization: 'Bearer sekret-123'});
    // So many may be under way before the first answer.
    expect(remote.headers.length).toBeLessThanOrEqual(5);
    expect(stderr + everythingWritten()).not.toContain('sekret');
  });

  it('asks for a key where a service wants one and none is set', async () => {
    const remote = await remoteTeacher(() => ({status: 401, body: {}}));
    const {code, stderr} = await run(gray, {env: {TEST_TEACHER_URL: remote.url}});
    expect(code).toBe(1);
    expect(stderr).toContain('It answered 401. It asks for a key. Set LIMBECK_TEACHER_KEY or pass `key`.');
  });

  it('writes the key nowhere where the service takes it', async () => {
    const remote = await remoteTeacher(answering);
    const env = {TEST_TEACHER_URL: remote.url, LIMBECK_TEACHER_KEY: 'sekret-123'};
    const {code, stdout, stderr} = await run([...gray, '--json'], {env});
    expect(code).toBe(0);
    expect(remote.headers.every(({authorization}) => authorization === 'Bearer sekret-123')).toBe(true);
    const written = everythingWritten();
    expect(written).toContain('open-inference');
    expect(stdout + stderr + written).not.toContain('sekret');
  });

  it('keeps what could be used where a label is none of the classes, and names the inputs of the others', async () => {
    const odd = await remoteTeacher((inputs, output) => {
      const {status} = answering(inputs, output);
      const data = inputs.map(input => (input.startsWith('5,') ? 7 : 1));
      return {status, body: {outputs: [{name: output, datatype: 'INT32', shape: [inputs.length], data}]}};
    });
    const {code, stdout, stderr} = await run(black, {env: {TEST_TEACHER_URL: odd.url}});
    expect({code, stdout}).toEqual({code: 1, stdout: expect.stringMatching(/^black-box: 59 answers \(59 bought, /)});
    expect(stderr).toMatch(
      new RegExp(`^limbeck: Teacher ${name} left 1 of 60 inputs without an answer:\\n {2}input \\d+: `, 'm'),
    );
    expect([...odd.asked].find(([input]) => input.startsWith('5,'))?.[1]).toBe(2);
    expect(stderr).toContain('It gave a label outside the class list of 3. Check `classes`, names and order.');
    const mended = await remoteTeacher(answering);
    const env = {TEST_TEACHER_URL: mended.url};
    const again = await run(black, {env});
    expect(again).toMatchObject({code: 1, stderr: expect.stringContaining('It is quarantined: ')});
    expect(mended.asked.size).toBe(0);
    const {levels} = await json<{levels: object[]}>([...black, '--retry-quarantined'], {env});
    expect(levels).toMatchObject([{bought: 1, cached: 59}]);
  });
});
