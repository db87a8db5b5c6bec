import {describe, expect, it} from 'vitest';
import {InputError} from '../../src/errors.ts';
import {featureHint} from '../../src/losses/feature-hint.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {softLabels} from '../../src/losses/soft-labels.ts';
import type {Method, Recipe} from '../../src/recipe/recipe.ts';
import {asTeacher} from '../../src/student/as-teacher.ts';
import {compare} from '../../src/study/compare.ts';
import {
  callsOf,
  classes,
  methods,
  spied,
  startedTinyModel,
  studyPlaces,
  type TinyTeachers,
  tinyRecipe,
  tinyTeachers,
} from './tiny.ts';

const places = studyPlaces();
const model = await startedTinyModel();

describe('what compare refuses before anything is asked', () => {
  /** Runs a study that must be refused, and returns the words of the refusal. */
  async function refusal(teachers: TinyTeachers, changes: Partial<Recipe>): Promise<string> {
    const error: unknown = await compare(tinyRecipe(teachers, changes), await places()).catch(error => error);
    expect(error).toBeInstanceOf(InputError);
    expect(callsOf(teachers)).toBe(0);
    return (error as InputError).message;
  }

  it('a teacher whose classes are not those of the data, on whatever level it stands', async () => {
    const turned = spied({...asTeacher(model), name: 'turned', classes: [...classes].reverse()});
    const said = await refusal({...tinyTeachers(model), 'white-box': turned}, {});
    expect(said).toBe(
      'Teacher turned speaks of the classes right, middle, left, the data of left, middle, right. ' +
        'Give both the same names in the same order.',
    );
  });

  it('a teacher of other classes that students would only be measured against', async () => {
    const turned = spied({...asTeacher(model), name: 'turned', classes: [...classes].reverse()});
    const teachers = {...tinyTeachers(model), 'white-box': turned};
    expect(await refusal(teachers, {methods: methods.filter(({level}) => level !== 'white-box')})).toMatch('turned');
  });

  it('true labels beside answers about a transfer set, which has none', async () => {
    const method: Method = {level: 'gray-box', method: 'both', losses: [hardLabels({labels: 'true'}), softLabels()]};
    const said = await refusal(tinyTeachers(model), {methods: [...methods, method]});
    expect(said).toMatch(/^Method `both`: true-labels learns from true labels, .* Use `hardLabels\(\)`/);
  });

  it('a loss that needs more than the detail of its method', async () => {
    const method: Method = {level: 'gray-box', method: 'greedy', detail: {kind: 'label'}, losses: [softLabels()]};
    const said = await refusal(tinyTeachers(model), {methods: [...methods, method]});
    expect(said).toMatch(/^Method `greedy`: .*needs log-probabilities.*hold label.*hardLabels\(\)/);
  });

  it('a method that wants more than the teacher of its level gives', async () => {
    const method: Method = {level: 'black-box', method: 'greedy', losses: [softLabels()]};
    const said = await refusal(tinyTeachers(model), {methods: [...methods, method]});
    expect(said).toMatch(/^Method `greedy` .*log-probabilities.*as black-box.*label/);
  });

  it('a feature that the white-box teacher has not', async () => {
    const method: Method = {
      level: 'white-box',
      method: 'deep',
      losses: [featureHint({teacher: 'dense_9', student: 'dense_1'})],
    };
    expect(await refusal(tinyTeachers(model), {methods: [...methods, method]})).toMatch(/^Method `deep` .*dense_9/);
  });

  it('a layer that the student has not', async () => {
    const method: Method = {
      level: 'white-box',
      method: 'deep',
      losses: [featureHint({teacher: 'dense_1', student: 'dense_9'})],
    };
    expect(await refusal(tinyTeachers(model), {methods: [...methods, method]})).toMatch(/dense_9/);
  });

  it('a method that would learn more than a label from true labels', async () => {
    const method: Method = {level: 'none', method: 'greedy', losses: [softLabels()]};
    expect(await refusal(tinyTeachers(model), {methods: [...methods, method]})).toMatch(/^Method `greedy`: /);
  });

  it('a transfer set larger than the training split', async () => {
    expect(await refusal(tinyTeachers(model), {transfer: {size: 61}})).toMatch(/from 1 to 60, got 61/);
  });
});
