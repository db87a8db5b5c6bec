import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {openai} from '../../adapters/openai.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import type {Recipe} from '../../src/recipe/recipe.ts';
import {resolveRecipe} from '../../src/recipe/resolve.ts';
import {hashedNgrams} from '../../src/student/hashed-ngrams.ts';
import {askQueries} from '../../src/study/asking.ts';
import {planStudy} from '../../src/study/plan.ts';
import {probeStudy} from '../../src/study/probe.ts';
import {openStudy} from '../../src/study/study.ts';
import {type PackServer, packServer} from '../adapters/_chat/pack-server.ts';
import {asInputs, classes} from './film-texts.ts';
import {studyPlaces} from './tiny.ts';

const places = studyPlaces();
const texts = (from: number, to: number) => Array.from({length: to - from}, (_, index) => `text ${from + index}`);
const COUNT = 160;

let server: PackServer;
beforeAll(async () => {
  server = await packServer(classes);
});
afterAll(() => server.close());

const recipe = (): Recipe => ({
  name: 'packs',
  data: () => ({
    classes,
    train: {role: 'train', inputs: asInputs(texts(0, COUNT))},
    test: {role: 'test', inputs: asInputs(texts(COUNT, COUNT + 10))},
  }),
  transfer: {size: COUNT},
  teachers: {
    'black-box': () => openai({model: 'm', classes, output: 'label', url: server.url, key: 'k', pack: 'auto'}),
  },
  student: hashedNgrams({buckets: 64, units: []}),
  methods: [{level: 'black-box', method: 'labels', losses: [hardLabels()]}],
  seeds: [1],
  training: {epochs: 1},
});

describe("a study whose teacher has `pack: 'auto'`", () => {
  it('asks one by one before a probe, then plans and asks in the packs that the probe allows', async () => {
    const {directory, cache} = await places();
    const notes: string[] = [];
    const options = {cache, onNote: (note: string) => notes.push(note)};
    const asked = async () => {
      const [labels] = (await planStudy(recipe(), options)).levels;
      const planned = labels!.calls.expected;
      const study = await openStudy(await resolveRecipe(recipe()), ['black-box'], {...options, directory});
      const before = server.requests.length;
      await askQueries(study, study.recipe.queryPlans[0]!);
      await study.close();
      return [planned, server.requests.length - before];
    };
    expect(await asked()).toEqual([COUNT, COUNT]);
    expect(notes.filter(note => note.includes('no probe has tried its packs'))).toHaveLength(2);
    const {levels} = await probeStudy(recipe(), {...options, questions: COUNT - 8});
    expect(levels[0]!.packChoice).toMatchObject({size: 64});
    expect(notes.at(-1)).toContain(
      'each twice alone, and in packs of 4, 8, 16, 32 and 64 until a size fails, in about 381 requests',
    );
    // The probe bought all answers but eight in packs of 64.
    expect(await asked()).toEqual([1, 1]);
    expect(server.requests.at(-1)).toHaveLength(8);
    expect(notes.at(-1)).toContain('asks about up to 64 inputs in one request');
  });

  it('is probed with shorter prompts if that is wished for, and their requests are told before', async () => {
    const {cache} = await places();
    const notes: string[] = [];
    const options = {cache, onNote: (note: string) => notes.push(note), questions: 5};
    const before = server.requests.length;
    const {levels} = await probeStudy(recipe(), {...options, promptAgreement: 0.5});
    expect(levels[0]!.prompts!.tried.map(({prompt, compared}) => [prompt, compared])).toEqual([
      ["`codes: 'short'`", 5],
    ]);
    expect(notes.at(-1)).toContain('each twice, and with 1 shorter prompt, in about 17 requests');
    expect(server.requests.length - before).toBe(15);
    await expect(probeStudy(recipe(), {...options, promptAgreement: 98})).rejects.toThrow(
      'a share between 0 and 1, got 98',
    );
  });
});
