import {writeFileSync} from 'node:fs';
import type {Reporter, TestModule} from 'vitest/node';

/** Writes `N passed, N failed` (and `, N skipped`) to the file that LIMBECK_TEST_SUMMARY names, for CI. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const file = process.env['LIMBECK_TEST_SUMMARY'];
    if (file === undefined) return;
    const counts = {passed: 0, failed: errors.length, skipped: 0, pending: 0};
    for (const module of modules) {
      for (const test of module.children.allTests()) counts[test.result().state]++;
      // A file that can't be loaded has no tests to count.
      counts.failed += module.errors().length;
    }
    const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
    writeFileSync(file, `${counts.passed} passed, ${counts.failed} failed${skipped}\n`);
  }
}
