import {stat} from 'node:fs/promises';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {softLabels} from '../../src/losses/soft-labels.ts';
import type {Recipe} from '../../src/recipe/recipe.ts';
import {resolveRecipe} from '../../src/recipe/resolve.ts';
import {compare} from '../../src/study/compare.ts';
import type {Results} from '../../src/study/results.ts';
import {startedTinyModel, studyPlaces, tinyRecipe, tinyTeachers} from './tiny.ts';

const places = studyPlaces();
const model = await startedTinyModel();

/** A study of one teacher, which shows log-probabilities, at three budgets. */
function recipeOf(own: Partial<Recipe> = {}): Recipe {
  const teachers = {'gray-box': tinyTeachers(model)['gray-box']};
  return {
    ...tinyRecipe(tinyTeachers(model), {seeds: [1, 2]}),
    teachers: {'gray-box': () => teachers['gray-box']},
    methods: [{level: 'gray-box', method: 'log-probabilities', losses: [softLabels({temperature: 2})]}],
    budgets: [40, 10, 20],
    ...own,
  } as Recipe;
}

/** All but what differs between two runs of one study: times, and what was bought in which of them. */
function withoutTimes(results: Results): unknown {
  const {finishedAt: _, seconds: __, ledger: ___, teacherEfficiency: ____, ...others} = results;
  return {...others, methods: results.methods.map(({efficiency: _____, ...method}) => method)};
}

/** One study for the tests that change nothing in it. */
let where: Awaited<ReturnType<typeof places>>;
let results: Results;
beforeAll(async () => {
  where = await places();
  results = await compare(recipeOf(), where);
});

describe('a study at several budgets', () => {
  it('adds the baselines, which learn from the same capture, and asks nothing twice', async () => {
    const {methods, queryPlans, transfer, budgets} = await resolveRecipe(recipeOf());
    expect(methods.map(({level, method}) => [level, method])).toEqual([
      ['gray-box', 'log-probabilities'],
      ['none', 'true labels'],
      ['black-box', 'labels'],
    ]);
    expect([queryPlans.length, transfer.size, budgets?.sizes]).toEqual([1, 40, [10, 20, 40]]);
    expect(results.ledger).toMatchObject({asked: 40, bought: 40});
  });

  it('gives every method as many runs at each budget, of the same number of steps', () => {
    const {sizes, rows, steps, costs} = results.budgets!;
    expect(rows.map(({method, budget, seed}) => `${method} ${budget} ${seed}`)).toEqual(
      ['log-probabilities', 'true labels', 'labels'].flatMap(method =>
        sizes.flatMap(size => [1, 2].map(seed => `${method} ${size} ${seed}`)),
      ),
    );
    expect(rows.every(({answers, budget}) => answers === budget)).toBe(true);
    expect(results.rows.every(({curve}) => curve.at(-1)!.step === steps)).toBe(true);
    expect(costs.map(({method, budget, calls}) => [method, budget, calls.expected])).toEqual(
      expect.arrayContaining([['true labels', 10, 0]]),
    );
    const pairs = results.verdicts!.filter(({budget}) => budget === 'curve');
    expect(pairs).toHaveLength(3);
    expect(results.verdicts).toHaveLength(3 * 4);
  });

  it('ends with the rows at the largest budget that it has without the others', async () => {
    const own = {seeds: [1], training: {steps: 32, batchSize: 10}};
    const alone = await compare(recipeOf({...own, budgets: undefined}), await places());
    const among = await compare(recipeOf({...own, budgets: [10, 40]}), await places());
    const same = among.rows.filter(({method}) => method === 'log-probabilities');
    expect(same.map(({agreement, nll}) => [agreement, nll])).toEqual(
      alone.rows.map(({agreement, nll}) => [agreement, nll]),
    );
  });
});

describe('a study that goes on', () => {
  it('trains nothing again, and comes to the same results', async () => {
    const notes: string[] = [];
    const student = join(where.directory, 'students', 'labels', '10-inputs', 'seed-1', 'weights.bin');
    const before = await stat(student);
    const second = await compare(recipeOf(), {...where, onNote: note => notes.push(note)});
    expect(withoutTimes(second)).toEqual(withoutTimes(results));
    expect((await stat(student)).mtimeMs).toBe(before.mtimeMs);
    expect(notes).toContain('Trains 0 students; 18 others of this study are kept.');
  });

  it('trains only what a new budget, seed or method adds', async () => {
    const where = await places();
    const told: string[] = [];
    const onNote = (note: string) => void (/^Trains/.test(note) && told.push(note));
    await compare(recipeOf({budgets: [10, 40], seeds: [1]}), {...where, onNote});
    await compare(recipeOf({budgets: [10, 20, 40], seeds: [1]}), {...where, onNote});
    await compare(recipeOf({budgets: [10, 20, 40]}), {...where, onNote});
    const labels = {level: 'black-box', method: 'smooth labels', losses: [hardLabels({smoothing: 0.1})]} as const;
    const more = [...recipeOf().methods, labels];
    await compare(recipeOf({budgets: [10, 20, 40], methods: more}), {...where, onNote});
    expect(told).toEqual([
      'Trains 6 students: 3 methods × 2 budgets × 1 seed, 9 steps each.',
      'Trains 3 students; 6 others of this study are kept.',
      'Trains 9 students; 9 others of this study are kept.',
      'Trains 6 students; 12 others of this study are kept.',
    ]);
  });

  it('trains again what another teacher or training changes', async () => {
    const where = await places();
    await compare(recipeOf({budgets: [10, 40], seeds: [1]}), where);
    const told: string[] = [];
    const training = {...recipeOf().training, batchSize: 5};
    await compare(recipeOf({budgets: [10, 40], seeds: [1], training}), {...where, onNote: note => told.push(note)});
    expect(told.filter(note => note.startsWith('Trains'))).toEqual([
      expect.stringMatching(/^Trains 6 students: 3 methods/),
    ]);
  });
});
