import {writeFileSync} from 'node:fs';
import {relative} from 'node:path';
import {cwd} from 'node:process';
import {stripVTControlCharacters} from 'node:util';
import type {Reporter, SerializedError, TestModule} from 'vitest/node';

/** Characters of a message that a line has at most. */
const LENGTH = 600;

/**
 * For CI: writes `N passed, N failed` (and `, N skipped`) to the file that LIMBECK_TEST_SUMMARY names. Beside it are two
 * files with a line for each test: `.failed`, and `.again` for those that passed at the second attempt.
 */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const file = process.env['LIMBECK_TEST_SUMMARY'];
    if (file === undefined) return;
    const counts = {passed: 0, failed: 0, skipped: 0, pending: 0};
    for (const module of modules) for (const test of module.children.allTests()) counts[test.result().state]++;
    const tests = modules.flatMap(failedTests);
    const others = [...modules.flatMap(failedHooks), ...errors.map(error => line('outside the tests', [error]))];
    const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
    writeFileSync(file, `${counts.passed} passed, ${counts.failed + others.length} failed${skipped}\n`);
    writeFileSync(`${file}.failed`, [...tests, ...others].join(''));
    writeFileSync(`${file}.again`, modules.flatMap(passedAgain).join(''));
  }
}

function failedTests(module: TestModule): readonly string[] {
  return [...module.children.allTests('failed')].map(test =>
    line(`${module.relativeModuleId} > ${test.fullName}`, test.result().errors ?? []),
  );
}

function passedAgain(module: TestModule): readonly string[] {
  return [...module.children.allTests('passed')].flatMap(test =>
    test.diagnostic()?.flaky ? line(`${module.relativeModuleId} > ${test.fullName}`, test.result().errors ?? []) : [],
  );
}

/** A file that can't be loaded, and a suite whose hook fails, have no failed tests. */
function failedHooks(module: TestModule): readonly string[] {
  const suites = [...module.children.allSuites()].flatMap(suite =>
    suite.errors().map(error => line(`${module.relativeModuleId} > ${suite.fullName}`, [error])),
  );
  return [...module.errors().map(error => line(module.relativeModuleId, [error])), ...suites];
}

/** The seed of a property and the log of a server come after the first line of a message. */
function line(place: string, [error]: readonly SerializedError[]): string {
  const message = stripVTControlCharacters(error?.message ?? 'no error').replaceAll(/\s*\n\s*/g, ' ');
  return `${place}: ${message.slice(0, LENGTH)}${frameOf(error)}\n`;
}

function frameOf(error: SerializedError | undefined): string {
  const frame = error?.stacks?.[0];
  return frame === undefined ? '' : ` (${relative(cwd(), frame.file)}:${frame.line})`;
}
