import {existsSync} from 'node:fs';
import {describe, expect, it} from 'vitest';
import {openInference} from '../../adapters/open-inference.ts';
import type {Recipe} from '../../src/recipe/recipe.ts';
import type {ModelList} from '../../src/service-features.ts';
import {saveStudent} from '../../src/student/files.ts';
import {compare} from '../../src/study/compare.ts';
import {planStudy} from '../../src/study/plan.ts';
import type {Service, Teacher} from '../../src/teacher.ts';
import {callsOf, classes, startedTinyModel, studyPlaces, tinyRecipe, tinyTeachers} from './tiny.ts';

const newPlaces = studyPlaces();
const model = await startedTinyModel();

/** A service that would be asked instead of a teacher in this process. */
function asService(teacher: Teacher, service: Partial<Service> = {}): Teacher {
  return {...teacher, service: {account: 'tiny', reader: 1, read: () => [], ...service}};
}

function withServices(service: Partial<Service> = {}): {readonly recipe: Recipe; readonly calls: () => number} {
  const teachers = tinyTeachers(model);
  const recipe = tinyRecipe(teachers);
  const sources = {
    ...recipe.teachers,
    'black-box': () => asService(teachers['black-box'], service),
    'gray-box': () => asService(teachers['gray-box'], service),
  };
  return {recipe: {...recipe, teachers: sources as Recipe['teachers']}, calls: () => callsOf(teachers)};
}

describe('planStudy', () => {
  it('plans every level about the transfer set and the reference about the test split, and asks nobody', async () => {
    const {cache} = await newPlaces();
    const {recipe, calls} = withServices({price: {perCall: 0.1}, rate: {requestsPerMinute: 5}});
    const plan = await planStudy(recipe, {cache});
    expect(calls()).toBe(0);
    expect(existsSync(cache)).toBe(false);
    expect(plan).toMatchObject({name: 'tiny', cache});
    // 40 inputs, 8 a batch; 30 to measure by.
    expect(
      plan.levels.map(({level, about, inputs, cached, calls: {low}}) => [level, about, inputs, cached, low]),
    ).toEqual([
      ['black-box', 'transfer set', 40, 0, 5],
      ['gray-box', 'transfer set', 40, 0, 5],
      ['gray-box', 'first inputs again', 5, 0, 1],
      ['white-box', 'transfer set', 40, 0, 5],
      ['white-box', 'test split', 30, 0, 4],
    ]);
    expect(plan.levels.map(({isService}) => isService)).toEqual([true, true, true, false, false]);
    expect(plan.total).toEqual({
      calls: {low: 11, expected: 11, worst: 55},
      usd: {low: 1.1, expected: 1.1, worst: 5.5},
      seconds: {low: 132, expected: 132, worst: 660},
    });
  });

  it('says what terms say, and looks up whether a model ends, if somebody is told, and no more', async () => {
    const {cache} = await newPlaces();
    let lookups = 0;
    const models: ModelList = {
      url: 'https://api.models.test/models',
      fetch: async () => ({status: 200, headers: {}, body: String(++lookups)}),
      endIn: () => '2026-01-31',
    };
    const {recipe, calls} = withServices({account: 'https://api.models.test 12', ...{models}});
    await planStudy(recipe, {cache});
    expect(lookups).toBe(0);
    const notes: string[] = [];
    await planStudy(recipe, {cache, onNote: note => notes.push(note)});
    expect(notes[0]).toContain('limbeck knows no terms of api.models.test');
    expect(notes.slice(1)).toEqual([
      'The model of tfjs mlp as black-box has ended on 2026-01-31. Answers that are kept stay.',
      'The model of tfjs mlp as gray-box has ended on 2026-01-31. Answers that are kept stay.',
    ]);
    expect([lookups, calls()]).toEqual([1, 0]);
    await planStudy(recipe, {cache, onNote: note => notes.push(note), isOffline: true});
    expect([lookups, notes.length]).toEqual([1, 4]);
  });

  it('knows no total of what is not known of one level', async () => {
    const {cache} = await newPlaces();
    const {total} = await planStudy(withServices().recipe, {cache});
    expect(total).toEqual({calls: {low: 11, expected: 11, worst: 55}});
    const paced = await planStudy(withServices().recipe, {cache, rate: {requestsPerMinute: 60}});
    expect(paced.total.seconds).toEqual({low: 11, expected: 11, worst: 55});
  });

  it('sees after a study that nothing is left to ask', async () => {
    const places = await newPlaces();
    const recipe = tinyRecipe(tinyTeachers(model), {seeds: [1]});
    await compare(recipe, places);
    const {recipe: remote} = withServices();
    // A service that shows scores would be asked again, which a teacher in this process was not.
    const teachers = {...remote.teachers, 'gray-box': recipe.teachers['gray-box']} as Recipe['teachers'];
    const plan = await planStudy({...remote, teachers}, {cache: places.cache});
    expect(plan.levels.map(({inputs, cached}) => [inputs, cached])).toEqual([
      [40, 40],
      [40, 40],
      [40, 40],
      [30, 30],
    ]);
    expect(plan.total).toEqual({
      calls: {low: 0, expected: 0, worst: 0},
      usd: {low: 0, expected: 0, worst: 0},
      seconds: {low: 0, expected: 0, worst: 0},
    });
  });

  it('starts no service that the study would publish', async () => {
    const {cache, directory} = await newPlaces();
    await saveStudent(directory, model);
    const recipe = tinyRecipe(tinyTeachers(model));
    const started: string[] = [];
    const teachers: Recipe['teachers'] = {
      ...recipe.teachers,
      async 'gray-box'({publish}) {
        const {url, ...publication} = await publish(directory, {access: 'gray-box'});
        const start = () => {
          started.push(publication.model);
          return url();
        };
        return openInference({...publication, url: start, classes, output: {logProbabilities: 'log_probabilities'}});
      },
    };
    const {levels} = await planStudy({...recipe, teachers}, {cache});
    expect(levels[1]).toMatchObject({level: 'gray-box', inputs: 40, cached: 0});
    expect(started).toEqual([]);
  });
});
