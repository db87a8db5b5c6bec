import {availableParallelism} from 'node:os';
import {fileURLToPath} from 'node:url';
import {configDefaults, defineConfig} from 'vitest/config';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The servers of the tests are on this machine: a proxy of the environment must not stand before them. */
const spared = [process.env['no_proxy'] ?? process.env['NO_PROXY'], '127.0.0.1', 'localhost', '::1'];

/**
 * Test files that share processes: a process of its own costs a file half a second of a core. Such tests put back what they
 * change of the process, and mock no module, register no secret that another file registers, and hold no memory to a limit.
 */
const TOGETHER = [
  'test/{assistant,bench,cli,encoder,evaluate,knowledge,losses,pace,queue,recipe,select,serve,statistics,student,write}/**/*.test.ts',
  'test/adapters/_{decisions,exact,local}/*.test.ts',
  'test/adapters/_llama/!(library).test.ts',
  'test/ask/!(memory|*-kill).test.ts',
  'test/ask/!(shared)/**/*.test.ts',
  'test/data/**/!(read).test.ts',
  // What must come to the same bits in several processes stays alone.
  'test/study/!(budgets|compare|compare-again|repeatability|train-teacher|workers).test.ts',
  'test/study/{audit,report,tune,vectors}/**/*.test.ts',
  'test/train/!(checkpoint*|compiled*|stored-knowledge).test.ts',
];

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
    env: {no_proxy: spared.filter(Boolean).join(',')},
    reporters: ['default', './test/summary-reporter.ts'],
    // TensorFlow keeps one global engine a process.
    pool: 'forks',
    // They run in the order of their names: the many short files fill the end.
    projects: [
      {
        extends: true,
        test: {name: 'alone', include: ['test/**/*.test.ts'], exclude: [...configDefaults.exclude, ...TOGETHER]},
      },
      {extends: true, test: {name: 'together', include: TOGETHER, isolate: false}},
    ],
    // Tests wait for servers and processes: a worker for each core leaves a fifth of the cores' time unused.
    maxWorkers: Math.ceil(1.5 * availableParallelism()),
    // A loaded machine with two cores takes long over a whole study; what hangs is found all the same.
    testTimeout: 180_000,
    // On a loaded machine a limit of time can pass before its test does. CI names each test that passed at last.
    // A property that fails once is wrong, whether or not another draw finds it again.
    retry: {count: process.env['CI'] === undefined ? 0 : 1, condition: /^(?!Property failed)/},
    hookTimeout: 300_000,
  },
});
