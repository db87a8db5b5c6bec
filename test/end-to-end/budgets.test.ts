import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {setTimeout} from 'node:timers/promises';
import {beforeAll, describe, expect, it} from 'vitest';
import type {Reproduction} from '../../src/study/reproduce.ts';
import type {Results} from '../../src/study/results.ts';
import {fixture, workplace} from './limbeck.ts';

const {folder, start, run, json} = workplace();

/** A study of two methods with the baseline that is added, in four runs. */
let study: readonly string[];
beforeAll(() => {
  study = ['compare', recipeWith('study.ts', 'methods: recipe.methods.slice(1, 2)'), '--budgets', '20,40'];
});

/** Writes a recipe that differs from the small one of the tests, and gives its path. */
function recipeWith(name: string, change: string): string {
  const path = join(folder(), name);
  writeFileSync(path, `import recipe from '${fixture('recipe.ts')}';\nexport default {...recipe, ${change}};\n`);
  return path;
}

/** All but times, and what was bought in which process. */
function numbersOf(text: string): unknown {
  const {finishedAt: _, ledger: __, ...results} = JSON.parse(text) as Results;
  const times = ['seconds', 'efficiency', 'teacherEfficiency'];
  return JSON.parse(JSON.stringify(results, (key, value) => (times.includes(key) ? undefined : value)));
}

const resultsIn = (out: string): string => readFileSync(join(folder(), out, 'results.json'), 'utf8');

describe('a study at several budgets', () => {
  it('comes to the same results if it is killed again and again', {timeout: 180_000}, async () => {
    const whole = await run([...study, '--out', 'whole']);
    expect(whole.code).toBe(0);
    expect(whole.stdout).toContain('Agreement in per cent by number of inputs');
    for (const wait of [900, 1500, 2200]) {
      const running = start([...study, '--out', 'killed', '--cache', 'other']);
      await Promise.race([setTimeout(wait), running.finished]);
      running.killGroup('SIGKILL');
      await running.finished;
    }
    const last = await run([...study, '--out', 'killed', '--cache', 'other']);
    expect(last.code).toBe(0);
    expect(numbersOf(resultsIn('killed'))).toEqual(numbersOf(resultsIn('whole')));
  });

  it('is reproduced to the last bit, from kept answers alone', {timeout: 120_000}, async () => {
    const again = await json<Reproduction>(['reproduce', 'whole']);
    expect(again).toMatchObject({outcome: 'same bits', changed: [], differences: []});
  });

  it('is not reproduced by another recipe, and the command says what has changed', {timeout: 120_000}, async () => {
    const change = 'methods: recipe.methods.slice(1, 2), training: {...recipe.training, batchSize: 16}';
    const other = recipeWith('other.ts', change);
    const {code, stdout} = await run(['reproduce', 'whole', '--recipe', other]);
    expect(code).toBe(1);
    expect(stdout).toContain('The numbers are not the same.');
  });

  it('without a manifest ends with what to do', async () => {
    const {code, stderr} = await run(['reproduce', 'nowhere']);
    expect(code).toBe(1);
    expect(stderr).toContain('manifest.json is not there. Give the folder that `limbeck compare` wrote.');
  });
});
