import {existsSync} from 'node:fs';
import {describe, expect, it} from 'vitest';
import {InputError} from '../../src/errors.ts';
import {softLabels} from '../../src/losses/soft-labels.ts';
import type {Recipe} from '../../src/recipe/recipe.ts';
import type {ModelList} from '../../src/service-features.ts';
import {compare} from '../../src/study/compare.ts';
import {probeStudy} from '../../src/study/probe.ts';
import type {StudyProgress} from '../../src/study/study.ts';
import type {Teacher} from '../../src/teacher.ts';
import {callsOf, startedTinyModel, studyPlaces, tinyRecipe, tinyTeachers} from './tiny.ts';

const newPlaces = studyPlaces();
const model = await startedTinyModel();

/** A recipe whose gray-box teacher is another one. */
function withGray(teacher: Teacher): Recipe {
  const recipe = tinyRecipe(tinyTeachers(model));
  return {...recipe, teachers: {...recipe.teachers, 'gray-box': () => teacher as Teacher<'gray-box'>}};
}

describe('probeStudy', () => {
  it('asks the teacher of each level about five inputs of the transfer set, twice, and writes nothing but the cache', async () => {
    const {directory, cache} = await newPlaces();
    const teachers = tinyTeachers(model);
    const probe = await probeStudy(tinyRecipe(teachers), {cache});
    expect(probe).toMatchObject({name: 'tiny', cache});
    expect(
      probe.levels.map(({level, asked, needed, answers, repetition, problems}) => ({
        ...{level, asked, needed: needed.kind, given: answers?.given.kind, same: repetition?.identical, problems},
      })),
    ).toEqual([
      {level: 'black-box', asked: 5, needed: 'label', given: 'label', same: 5, problems: []},
      {
        ...{level: 'gray-box', asked: 5, needed: 'log-probabilities', given: 'log-probabilities', same: 5},
        problems: [],
      },
      {level: 'white-box', asked: 5, needed: 'logits', given: 'logits', same: 5, problems: []},
    ]);
    expect(new Set(teachers['gray-box'].queried).size).toBe(5);
    expect(teachers['gray-box'].queried).toHaveLength(10);
    expect(existsSync(directory)).toBe(false);
  });

  it('says that a model ends, unless it is offline', async () => {
    const {cache} = await newPlaces();
    const gray = tinyTeachers(model)['gray-box'];
    const models: ModelList = {
      url: 'https://api.models.test/models',
      fetch: async () => ({status: 200, headers: {}, body: ''}),
      endIn: () => '2026-01-31',
    };
    const service = {account: 'https://api.models.test', reader: 1, read: () => [], models};
    const notes: string[] = [];
    const options = {cache, levels: ['gray-box'], onNote: (note: string) => notes.push(note)} as const;
    await probeStudy(withGray({...gray, service}), {...options, record: 'none'}).catch(() => undefined);
    expect(notes).toEqual([]);
    await probeStudy(withGray({...gray, service}), options);
    expect(notes).toContain(`The model of ${gray.name} has ended on 2026-01-31. Answers that are kept stay.`);
  });

  it('asks about inputs that the study needs, whose answers it then finds kept', async () => {
    const places = await newPlaces();
    const teachers = tinyTeachers(model);
    const recipe = tinyRecipe(teachers, {seeds: [1]});
    await probeStudy(recipe, {cache: places.cache, questions: 7});
    const probed = new Set(teachers['black-box'].queried);
    const {ledger} = await compare(recipe, places);
    expect(ledger.byLevel['black-box']).toMatchObject({bought: 33, cached: 7});
    expect(probed.size).toBe(7);
  });

  it('tries out the levels alone that are named, and no more inputs than there are', async () => {
    const {cache} = await newPlaces();
    const teachers = tinyTeachers(model);
    const probe = await probeStudy(tinyRecipe(teachers), {cache, levels: ['gray-box'], questions: 1000});
    expect(probe.levels.map(({level, asked}) => [level, asked])).toEqual([['gray-box', 40]]);
    expect(teachers['black-box'].queried).toEqual([]);
  });

  it.each(['none', 'once'] as const)('asks nothing again in record mode %s', async record => {
    const {cache} = await newPlaces();
    const teachers = tinyTeachers(model);
    await probeStudy(tinyRecipe(teachers), {cache, levels: ['black-box']});
    const calls = callsOf(teachers);
    const {levels} = await probeStudy(tinyRecipe(teachers), {cache, levels: ['black-box'], record});
    expect(callsOf(teachers)).toBe(calls);
    expect(levels).toMatchObject([{answers: {answers: 5}, paid: {cached: 5}}]);
    expect(levels[0]).not.toHaveProperty('repetition');
  });

  it('asks nobody where a level’s teacher declares less than a method learns from', async () => {
    const {cache} = await newPlaces();
    const teachers = tinyTeachers(model);
    const poor = {...teachers['gray-box'], detail: {kind: 'top-k', k: 2}} as const;
    await expect(probeStudy(withGray(poor), {cache})).rejects.toThrow(InputError);
    const unfit = tinyRecipe(teachers, {
      methods: [{level: 'black-box', method: 'soft', detail: {kind: 'label'}, losses: [softLabels()]}],
    });
    await expect(probeStudy(unfit, {cache})).rejects.toThrow('Method `soft`');
    expect(callsOf(teachers)).toBe(0);
    expect(existsSync(cache)).toBe(false);
  });

  it('finds a teacher that gives less than it declares', async () => {
    const {cache} = await newPlaces();
    const teachers = tinyTeachers(model);
    const labeller = teachers['black-box'];
    const boaster = {
      ...{...labeller, access: 'gray-box', detail: {kind: 'log-probabilities'}},
      ask: (...[questions]: Parameters<Teacher['ask']>) => labeller.ask(questions),
    } as unknown;
    const {levels} = await probeStudy(withGray(boaster as Teacher), {cache, levels: ['gray-box']});
    expect(levels[0]?.problems).toMatchObject([
      {severity: 'error', text: expect.stringContaining('learns from log-probabilities, and it gives label')},
    ]);
  });

  it('says beforehand of a service that it will be asked, and tells how far it is', async () => {
    const {cache} = await newPlaces();
    const teacher = tinyTeachers(model)['gray-box'];
    const notes: string[] = [];
    const progress: StudyProgress[] = [];
    const service = {account: 'tiny', reader: 1, read: () => []};
    await probeStudy(withGray({...teacher, service} as Teacher), {
      ...{cache, levels: ['gray-box', 'white-box']},
      onNote: note => notes.push(note),
      onProgress: moment => progress.push(moment),
    });
    expect(notes).toEqual([expect.stringMatching(/is asked about 5 inputs, each twice, in about 4 requests\./)]);
    const gray = progress.filter(({task}) => task === 'probe gray-box').map(({done}) => done);
    expect(gray[0]).toBe(0);
    expect(gray.at(-1)).toBe(10);
    expect(gray).toEqual(gray.toSorted((one, other) => one - other));
    expect(gray.filter(done => done === 10)).toHaveLength(1);
  });

  it('refuses a number of questions that is none', async () => {
    const {cache} = await newPlaces();
    await expect(probeStudy(tinyRecipe(tinyTeachers(model)), {cache, questions: 0})).rejects.toThrow('`questions`');
  });
});
