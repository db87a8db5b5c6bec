import {execFile} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {expect, onTestFinished, test} from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

const CONFIG = `
import config from ${JSON.stringify(join(root, 'vitest.config.ts'))};
export default {test: {retry: config.test.retry}};
`;

/** A test for each state that a summary counts: the skipped one must be counted as such. */
const TESTS = `
import fc from 'fast-check';
import {beforeAll, describe, expect, test} from 'vitest';
test('passes', () => {});
let attempts = 0;
test('passes at last', () => expect(++attempts).toBe(2));
test.skip('is skipped', () => {});
describe('a suite', () => {
  test('fails', () => expect({a: 1}, 'Two lines:\\nthe second').toBe(2));
});
test('fails as a property', () => fc.assert(fc.property(fc.nat(), () => false), {seed: 7}));
describe('another suite', () => {
  beforeAll(() => {
    throw new Error('The server did not start.');
  });
  test('never runs', () => {});
});
let draws = 0;
test('fails once as a property', () => fc.assert(fc.property(fc.nat(), () => ++draws > 1), {seed: 7}));
`;

test('the summary of a run counts and names each failure of a test, a hook or a file, and each test that passed at last, which no property does', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'limbeck-summary-'));
  onTestFinished(() => rmSync(folder, {recursive: true}));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'vitest.config.ts'), CONFIG);
  writeFileSync(join(folder, 'some.test.ts'), TESTS);
  writeFileSync(join(folder, 'broken.test.ts'), `import './missing.ts';`);
  const summary = join(folder, 'summary');
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const reporter = join(root, 'test/summary-reporter.ts');
  const env = {...process.env, CI: 'true', LIMBECK_TEST_SUMMARY: summary};
  await new Promise(resolve =>
    execFile(process.execPath, [vitest, 'run', '--root', folder, '--reporter', reporter], {env, cwd: folder}, resolve),
  );
  expect(readFileSync(summary, 'utf8')).toBe('2 passed, 5 failed, 2 skipped\n');
  expect(readFileSync(`${summary}.again`, 'utf8')).toBe(
    'some.test.ts > passes at last: expected 1 to be 2 // Object.is equality (some.test.ts:6)\n',
  );
  const failed = readFileSync(`${summary}.failed`, 'utf8').trim().split('\n').toSorted();
  expect(failed).toEqual([
    expect.stringMatching(/^broken\.test\.ts: .*missing\.ts/),
    expect.stringMatching(
      /^some\.test\.ts > a suite > fails: Two lines: the second: expected .* \(some\.test\.ts:9\)$/,
    ),
    'some.test.ts > another suite: The server did not start. (some.test.ts:14)',
    expect.stringMatching(/^some\.test\.ts > fails as a property: Property failed .*seed: 7, .*Counterexample: \[0\]/),
    expect.stringMatching(/^some\.test\.ts > fails once as a property: Property failed .*seed: 7, /),
  ]);
});
