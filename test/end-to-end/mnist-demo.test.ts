import {execFile} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {mean} from '../../src/evaluate/statistics.ts';
import type {ResultRow, Results} from '../../src/study/results.ts';

type Row = Pick<ResultRow, 'level' | 'method' | 'seed' | 'accuracy' | 'agreement' | 'klToTeacher' | 'ece'>;

/** What all five seeds came to. */
interface Expected {
  readonly teacherAccuracy: number;
  readonly rows: readonly Row[];
}

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const expected = JSON.parse(readFileSync(join(root, 'examples/mnist/expected.json'), 'utf8')) as Expected;

/** So many of the five are trained again, and each is held to its own numbers. */
const SEEDS = 2;

type Measure = 'accuracy' | 'agreement' | 'klToTeacher' | 'ece';

const meanOf = (rows: readonly Row[], method: string, measure: Measure): number =>
  mean(rows.filter(row => row.method === method).map(row => row[measure]));

/** The main job as its user runs it, on the engine that every machine has. */
describe('the MNIST example', () => {
  let folder: string;
  let results: Results;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'limbeck-mnist-'));
    const cli = ['dist/src/cli/main.js', 'compare', 'examples/mnist/recipe.ts', '--seeds', `${SEEDS}`, '--json'];
    const places = ['--out', join(folder, 'out'), '--cache', join(folder, 'answers')];
    const env = {...process.env, LIMBECK_ENGINE: 'wasm'};
    const {stdout} = await run('node', [...cli, ...places], {cwd: root, env, maxBuffer: 2 ** 26});
    results = JSON.parse(stdout) as Results;
  }, 600_000);
  afterAll(() => rm(folder, {recursive: true, force: true}));

  it('has a teacher that is right on at least 98.5 % of the test set', () => {
    expect(results.teacher.accuracy).toBeGreaterThanOrEqual(0.985);
    expect(results.teacher.accuracy).toBe(expected.teacherAccuracy);
  });

  it.each(expected.rows.filter(({seed}) => seed <= SEEDS))(
    '$method, seed $seed comes to what the example says',
    row => {
      const [found, ...others] = results.rows.filter(({method, seed}) => method === row.method && seed === row.seed);
      expect(others).toEqual([]);
      // The rounding of another engine moves one input in 5,000, and of another processor no more; another result moves more.
      expect(Math.abs(found!.accuracy - row.accuracy)).toBeLessThan(0.002);
      expect(Math.abs(found!.agreement - row.agreement)).toBeLessThan(0.002);
      expect(Math.abs(found!.klToTeacher - row.klToTeacher)).toBeLessThan(0.002);
      expect(Math.abs(found!.ece - row.ece)).toBeLessThan(0.002);
    },
  );

  it.each(['these seeds', 'all five'])(
    'ranks levels by what they show with %s: label-only students agree least',
    seeds => {
      const rows = seeds === 'all five' ? expected.rows : results.rows;
      const labels = meanOf(rows, 'labels', 'agreement');
      expect(meanOf(rows, 'top-3 with rest', 'agreement')).toBeGreaterThan(labels);
      expect(meanOf(rows, 'log-probabilities, T=4', 'agreement')).toBeGreaterThan(labels);
      expect(meanOf(rows, 'logits + feature hint', 'agreement')).toBeGreaterThan(labels);
    },
  );

  it('bought each level once', () => {
    expect(results.ledger).toMatchObject({asked: 3000, bought: 3000, cached: 0});
  });
});

it('the table of the README is the mean of all five seeds', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const table = readme
    .match(/^level +method .*\n(?:.+\n)+/m)![0]
    .split('\n')
    .slice(1, -1);
  const shown = table.map(line => {
    const [, method, ...cells] = line.split(/ {2,}/);
    const [accuracy, agreement, kl, , ece] = cells.map(cell => Number.parseFloat(cell));
    return {method, accuracy, agreement, kl, ece};
  });
  const methods = [...new Set(expected.rows.map(({method}) => method))];
  expect(shown.map(({method}) => method)).toEqual(methods);
  for (const {method, accuracy, agreement, kl, ece} of shown) {
    expect(accuracy).toBeCloseTo(100 * meanOf(expected.rows, method!, 'accuracy'), 1);
    expect(agreement).toBeCloseTo(100 * meanOf(expected.rows, method!, 'agreement'), 1);
    expect(kl).toBeCloseTo(meanOf(expected.rows, method!, 'klToTeacher'), 3);
    expect(ece).toBeCloseTo(100 * meanOf(expected.rows, method!, 'ece'), 1);
  }
});
