import {existsSync} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {collect} from '../../src/ask/collect.ts';
import {degrade} from '../../src/ask/compose/degrade.ts';
import {ensemble} from '../../src/ask/compose/ensemble.ts';
import {drawExamples, transferSet} from '../../src/data/split.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {InputError} from '../../src/errors.ts';
import type {Recipe} from '../../src/recipe/recipe.ts';
import {resolveRecipe} from '../../src/recipe/resolve.ts';
import {asTeacher} from '../../src/student/as-teacher.ts';
import {directoryOf, openStudy} from '../../src/study/study.ts';
import {engineOf} from '../../src/study/training.ts';
import type {Teacher} from '../../src/teacher.ts';
import {folders, openRecipe, startedTinyModel, tinyData, tinyRecipe, tinyTeachers} from './tiny.ts';

const newFolder = folders();
const model = await startedTinyModel();

/** A recipe that counts how often each teacher is made. */
function counting(recipe: Recipe): {readonly recipe: Recipe; readonly made: string[]} {
  const made: string[] = [];
  const teachers = Object.entries(recipe.teachers).map(([access, make]) => [
    access,
    () => {
      made.push(access);
      return (make as () => unknown)();
    },
  ]);
  return {recipe: {...recipe, teachers: Object.fromEntries(teachers) as Recipe['teachers']}, made};
}

describe('openStudy', () => {
  it('starts the engine of a study that only asks for a model of this process, and for no service', async () => {
    const engineFor = async (teacher: Teacher<'gray-box'>) => {
      const recipe = tinyRecipe(tinyTeachers(model));
      const teachers = {...recipe.teachers, 'gray-box': () => teacher};
      const resolved = await resolveRecipe({...recipe, teachers}, 'all', 'if needed');
      const study = await openStudy(resolved, ['gray-box'], {engine: 'if needed'});
      await study.close();
      return study.engine;
    };
    const here = degrade(asTeacher(model), {access: 'gray-box', detail: {kind: 'log-probabilities'}});
    const asking = {...here, parts: undefined, service: {account: 'a', reader: {}, read: () => []}};
    expect(await engineFor(asking)).toBeUndefined();
    expect(await engineFor(ensemble([asking, {...asking, name: 'another'}]))).toBeUndefined();
    expect(await engineFor(ensemble([asking, here]))).toBe(await startEngine());
    expect(await engineFor(here)).toBe(await startEngine());
    expect(() => engineOf({engine: undefined})).toThrow(TypeError);
  });

  it('makes the teachers of the levels that will be asked, each once, and no other', async () => {
    const {recipe, made} = counting(tinyRecipe(tinyTeachers(model)));
    const study = await openRecipe(recipe, ['gray-box', 'white-box', 'gray-box']);
    study.openLevel('gray-box');
    study.openLevel('gray-box');
    await study.close();
    expect(made).toEqual(['gray-box', 'white-box']);
  });

  it('reads the data once and draws the same examples that the recipe names', async () => {
    let read = 0;
    const data = () => {
      read++;
      return tinyData();
    };
    const recipe = tinyRecipe(tinyTeachers(model), {data, transfer: {size: 7, seed: 4}});
    const study = await openRecipe(recipe, []);
    await study.close();
    expect(read).toBe(1);
    expect(study.recipe.drawn).toEqual(drawExamples(tinyData().train, {size: 7, seed: 4}));
  });

  it('keeps no file before something is asked, and one ledger a level opened', async () => {
    const cache = join(await newFolder(), 'deep', 'answers');
    const study = await openRecipe(tinyRecipe(tinyTeachers(model)), ['white-box'], {cache});
    expect(existsSync(cache)).toBe(false);
    const [one, other] = [study.openLevel('white-box'), study.openLevel('white-box')];
    await collect(one.teacher, transferSet(study.recipe.drawn));
    await collect(other.teacher, transferSet(study.recipe.drawn));
    expect(one.ledger.snapshot()).toMatchObject({asked: 40, bought: 40, cached: 0, calls: 5});
    expect(other.ledger.snapshot()).toMatchObject({asked: 40, bought: 0, cached: 40, calls: 0});
    await study.close();
    expect(existsSync(cache)).toBe(true);
  });

  it('refuses a level that the recipe has no teacher for', async () => {
    const {'black-box': blackBox} = tinyTeachers(model);
    const opening = openRecipe(tinyRecipe({'black-box': blackBox}), ['white-box']);
    await expect(opening).rejects.toThrow(InputError);
    await expect(opening).rejects.toThrow('The recipe has no white-box teacher. Add one to `teachers`.');
  });

  it('goes to out/ and the name of the recipe unless another folder is named', () => {
    const recipe = tinyRecipe(tinyTeachers(model));
    expect(directoryOf(recipe, {})).toBe(join('out', 'tiny'));
    expect(directoryOf(recipe, {directory: '/elsewhere'})).toBe('/elsewhere');
  });
});
