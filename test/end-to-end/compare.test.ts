import {existsSync, readFileSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import type {Results} from '../../src/study/results.ts';
import {type Finished, fixture, workplace} from './limbeck.ts';

const {folder, run, json} = workplace();
const recipe = fixture('recipe.ts');

/** What a process that was watched started and opened, and the services among it. */
interface Watched {
  readonly started: readonly string[];
  readonly connections: number;
}

function watched(file: string): {
  readonly env: Record<string, string>;
  readonly services: () => string[];
  readonly connections: () => number;
} {
  const path = join(folder(), file);
  const lines = () =>
    readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as Watched);
  return {
    env: {NODE_OPTIONS: `--import=${fixture('watch.mjs')}`, TEST_WATCH_FILE: path},
    services: () => lines().flatMap(({started}) => started.filter(command => command.includes('service-process'))),
    connections: () => lines().reduce((sum, {connections}) => sum + connections, 0),
  };
}

describe('limbeck compare', () => {
  let first: Finished;
  let second: Finished;
  let results: Results;

  beforeAll(async () => {
    first = await run(['compare', recipe], {env: watched('first').env});
    second = await run(['compare', recipe, '--json'], {env: watched('second').env});
    results = JSON.parse(second.stdout) as Results;
  });

  it('prints the table on stdout and what it is doing on stderr', () => {
    expect(first.code).toBe(0);
    for (const {method} of results.methods) expect(first.stdout).toContain(method);
    expect(first.stdout).toMatch(/^Teacher .*: accuracy \d/);
    expect(first.stdout).toContain('Report: out/mnist-small/report.html\nNumbers: out/mnist-small/results.json\n');
    expect(first.stderr).toMatch(/^Engine: (WASM|native) /);
    expect(first.stderr).toMatch(/✓ ask gray-box · 300 bought/);
    expect(first.stderr).toMatch(/✓ train 5 students/);
    expect(first.stdout).not.toContain('✓');
  });

  it('writes knowledge, students, results and report', async () => {
    const out = (path: string) => join(folder(), 'out/mnist-small', path);
    for (const level of ['black-box', 'gray-box', 'white-box']) {
      expect(existsSync(out(`knowledge/${level}.safetensors`))).toBe(true);
    }
    expect(existsSync(out('students/labels/seed-1/model.json'))).toBe(true);
    expect(await readFile(out('report.html'), 'utf8')).toMatch(/^<!doctype html>/i);
    expect(JSON.parse(await readFile(out('results.json'), 'utf8'))).toMatchObject({name: 'mnist-small'});
  });

  it('with --json prints exactly one document on stdout, the one that it writes', async () => {
    expect(second.code).toBe(0);
    expect(second.stdout.trimEnd().split('\n')).toHaveLength(1);
    const written = JSON.parse(await readFile(join(folder(), 'out/mnist-small/results.json'), 'utf8')) as Results;
    expect(results).toEqual(written);
    expect(results.rows.map(({level, seed, budget}) => [level, seed, budget])).toEqual([
      ['none', 1, 300],
      ['black-box', 1, 300],
      ['gray-box', 1, 300],
      ['gray-box', 1, 300],
      ['white-box', 1, 300],
    ]);
    expect(second.stderr).toContain('✓ ask gray-box · 0 bought');
  });

  it('publishes the black and the gray box as services the first time', () => {
    const {services, connections} = watched('first');
    expect(services()).toEqual([expect.stringContaining('black-box'), expect.stringContaining('gray-box')]);
    expect(connections()).toBeGreaterThan(1);
  });

  it('buys nothing the second time, starts no service and opens no connection', () => {
    expect(results.ledger).toMatchObject({
      ...{asked: 900, bought: 0, cached: 900, calls: 0},
      evaluation: {asked: 500, bought: 0, cached: 500, calls: 0},
    });
    const {services, connections} = watched('second');
    expect(services()).toEqual([]);
    expect(connections()).toBe(0);
  });

  it('ends with the same numbers offline, in another folder', async () => {
    const third = await json<Results>(['compare', recipe, '--offline', '--out', 'elsewhere']);
    const withoutTime = ({rows}: Results) => rows.map(({seconds: _, ...row}) => row);
    expect(withoutTime(third)).toEqual(withoutTime(results));
    expect(existsSync(join(folder(), 'elsewhere/results.json'))).toBe(true);
  });

  it('saves students that `limbeck evaluate` finds to be as its rows say', async () => {
    const {accuracy, agreement, klToTeacher, nll, ece} = results.rows.find(({method}) => method === 'top-3 with rest')!;
    const student = 'out/mnist-small/students/top-3-with-rest/seed-1';
    const measured = await json<object>(['evaluate', student, recipe, '--offline']);
    // It computes with all cores, the study with one: the last digits may differ.
    const close = (value: number) => expect.closeTo(value, 5);
    expect(measured).toMatchObject({
      ...{student, examples: 500, accuracy, agreement},
      ...{klToTeacher: close(klToTeacher), nll: close(nll), ece: close(ece)},
    });
  });

  it('--offline names the answer that is missing after its deletion, and asks nobody', async () => {
    const kept = await json<{readonly answers: readonly {readonly key: string; readonly teacher: string}[]}>([
      ...['cache', 'list', '--limit', '2000'],
    ]);
    const {key} = kept.answers.find(({teacher}) => teacher.includes('gray-box'))!;
    expect(await run(['cache', 'delete', key])).toMatchObject({code: 0});
    const {env, services} = watched('offline');
    const {code, stdout, stderr} = await run(['compare', recipe, '--offline'], {env});
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toContain(`No answer is kept under key ${key}, and offline none is bought.`);
    expect(stderr).toContain('Run once without `--offline`');
    expect(services()).toEqual([]);
  });
});
