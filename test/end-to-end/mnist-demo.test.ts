import {execFile} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {mean} from '../../src/evaluate/statistics.ts';
import type {ResultRow, Results} from '../../src/study/results.ts';

interface Expected {
  readonly teacherAccuracy: number;
  readonly methods: readonly Pick<ResultRow, 'level' | 'method' | 'accuracy' | 'agreement' | 'klToTeacher' | 'ece'>[];
}

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const expected = JSON.parse(readFileSync(join(root, 'examples/mnist/expected.json'), 'utf8')) as Expected;

/** The main job as its user runs it, on the engine that every machine has. */
describe('the MNIST example', () => {
  let folder: string;
  let results: Results;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'limbeck-mnist-'));
    const cli = ['dist/src/cli/main.js', 'compare', 'examples/mnist/recipe.ts', '--json'];
    const places = ['--out', join(folder, 'out'), '--cache', join(folder, 'answers')];
    const env = {...process.env, LIMBECK_ENGINE: 'wasm'};
    const {stdout} = await run('node', [...cli, ...places], {cwd: root, env, maxBuffer: 2 ** 26});
    results = JSON.parse(stdout) as Results;
  }, 600_000);
  afterAll(() => rm(folder, {recursive: true, force: true}));

  const meanOf = (method: string, measure: 'accuracy' | 'agreement' | 'klToTeacher' | 'ece'): number =>
    mean(results.rows.filter(row => row.method === method).map(row => row[measure]));

  it('has a teacher that is right on at least 98.5 % of the test set', () => {
    expect(results.teacher.accuracy).toBeGreaterThanOrEqual(0.985);
    expect(results.teacher.accuracy).toBe(expected.teacherAccuracy);
  });

  it.each(expected.methods)('$method comes to what the example says', ({method, ...values}) => {
    // Half a point leaves room for another processor's rounding, not for another result.
    expect(meanOf(method, 'accuracy')).toBeCloseTo(values.accuracy, 2);
    expect(Math.abs(meanOf(method, 'agreement') - values.agreement)).toBeLessThan(0.005);
    expect(Math.abs(meanOf(method, 'klToTeacher') - values.klToTeacher)).toBeLessThan(0.02);
    expect(Math.abs(meanOf(method, 'ece') - values.ece)).toBeLessThan(0.01);
  });

  it('ranks levels by what they show: white-box and gray-box students agree with the teacher more than label-only', () => {
    const labels = meanOf('labels', 'agreement');
    expect(meanOf('top-3 with rest', 'agreement')).toBeGreaterThan(labels);
    expect(meanOf('log-probabilities, T=4', 'agreement')).toBeGreaterThan(labels);
    expect(meanOf('logits + feature hint', 'agreement')).toBeGreaterThan(labels);
  });

  it('bought each level once', () => {
    expect(results.ledger).toMatchObject({asked: 3000, bought: 3000, cached: 0});
  });
});
