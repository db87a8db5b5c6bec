import {availableParallelism} from 'node:os';
import {fileURLToPath} from 'node:url';
import {defineConfig} from 'vitest/config';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The servers of the tests are on this machine: a proxy of the environment must not stand before them. */
const spared = [process.env['no_proxy'] ?? process.env['NO_PROXY'], '127.0.0.1', 'localhost', '::1'];

export default defineConfig({
  resolve: {
    alias: [
      {find: /^limbeck\/adapters\/(.*)$/, replacement: here('./adapters/$1.ts')},
      {find: /^limbeck\/testing$/, replacement: here('./test/teacher-suite.ts')},
      {find: /^limbeck\/(\w+)$/, replacement: here('./src/public/$1.ts')},
      {find: /^limbeck$/, replacement: here('./src/index.ts')},
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    env: {no_proxy: spared.filter(Boolean).join(',')},
    reporters: ['default', './test/summary-reporter.ts'],
    // TensorFlow keeps one global engine a process: a process a file keeps the tests apart.
    pool: 'forks',
    // Tests wait for servers and processes: a worker for each core leaves a fifth of the cores' time unused.
    maxWorkers: Math.ceil(1.5 * availableParallelism()),
    // A loaded machine with two cores takes long over a whole study; what hangs is found all the same.
    testTimeout: 180_000,
    // On a loaded machine a limit of time can pass before its test does. CI names each test that passed at last.
    retry: process.env['CI'] === undefined ? 0 : 1,
    hookTimeout: 300_000,
  },
});
