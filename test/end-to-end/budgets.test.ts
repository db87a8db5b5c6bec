import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {setTimeout} from 'node:timers/promises';
import {beforeAll, describe, expect, it} from 'vitest';
import {randomFraction, randomInteger, seededRandom} from '../../src/data/random.ts';
import type {Reproduction} from '../../src/study/reproduce.ts';
import {until} from '../built.ts';
import {fixture, workplace} from './limbeck.ts';
import {answering, remoteTeacher} from './remote-teacher.ts';

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

/** The document without the times that were measured. */
function withoutTimes(text: string): string {
  const times = ['seconds', 'finishedAt', 'latency', 'answersPerSecond'];
  return JSON.stringify(JSON.parse(text), (key, value) => (times.includes(key) ? undefined : value));
}

/** More of them take longer and find the same. */
const KILLS = 3;

const resultsIn = (out: string): string => readFileSync(join(folder(), out, 'results.json'), 'utf8');

describe('a study at several budgets', () => {
  it('comes to the same results and the same ledger if it is killed again and again', async () => {
    let requests = 0;
    const remote = await remoteTeacher(async (inputs, output) => {
      requests++;
      await setTimeout(100);
      return answering(inputs, output);
    });
    const env = {TEST_TEACHER_URL: remote.url};
    const recipe = join(folder(), 'killed.ts');
    const changes = 'seeds: [1, 2], training: {epochs: 40}';
    writeFileSync(recipe, `import recipe from '${fixture('remote.ts')}';\nexport default {...recipe, ${changes}};\n`);
    const command = ['compare', recipe, '--budgets', '20,60', '--workers', '1'];
    expect(await run([...command, '--out', 'undisturbed'], {env})).toMatchObject({code: 0});

    const random = seededRandom(1, 'kills');
    const kept = ['--out', 'killed', '--cache', 'other'];
    let hasEnded = false;
    for (let kill = 0; kill < KILLS && !hasEnded; kill++) {
      const running = start([...command, ...kept], {env});
      // In the first half while it asks, then while it trains.
      const before = requests + randomInteger(random, 1, 5);
      const isThere = () => running.stderr().includes('Trains ') || (kill < KILLS / 2 && requests >= before);
      await until('the moment of the kill', () => isThere() || running.hasEnded());
      await Promise.race([setTimeout(400 * randomFraction(random)), running.finished]);
      hasEnded = running.hasEnded();
      if (!hasEnded) running.killGroup('SIGKILL');
      await running.finished;
    }
    if (!hasEnded) expect(await run([...command, ...kept], {env})).toMatchObject({code: 0});
    expect(withoutTimes(resultsIn('killed'))).toBe(withoutTimes(resultsIn('undisturbed')));
    expect(JSON.parse(resultsIn('killed')).ledger).toMatchObject({asked: 120, bought: 120, cached: 0});
    // The study has ended: another run counts anew.
    expect(existsSync(join(folder(), 'killed', 'begun.json'))).toBe(false);
  });

  it('is reproduced to the last bit, from kept answers alone', async () => {
    const whole = await run([...study, '--out', 'whole']);
    expect(whole.code).toBe(0);
    expect(whole.stdout).toContain('Agreement in per cent by number of inputs');
    const again = await json<Reproduction>(['reproduce', 'whole']);
    expect(again).toMatchObject({outcome: 'same bits', changed: [], differences: []});
  });

  it('is not reproduced by another recipe, and the command says what has changed', async () => {
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
