import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {textShards} from '../../src/data/shards/dataset.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {originDifference, originOf} from '../../src/queue/origin.ts';
import type {Recipe} from '../../src/recipe/recipe.ts';
import {resolveRecipe} from '../../src/recipe/resolve.ts';
import type {Held} from '../../src/recipe/transfer.ts';
import {hashedNgrams} from '../../src/student/hashed-ngrams.ts';
import {labelQueries} from '../../src/study/asking.ts';
import type {Labelled} from '../../src/study/missing.ts';
import {planStudy} from '../../src/study/plan.ts';
import {labelShard, type Shard} from '../../src/study/shard.ts';
import {openStudy, type StudyOptions} from '../../src/study/study.ts';
import {writeLines, writeShards} from '../data/shards/shard-files.ts';
import {PARITIES, parityTeacher} from './sharded-work.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-sharded-'));
  await writeShards(at('shards'), TEXTS, [200, 150, 200, 50]);
  await writeLines(at('one.jsonl'), TEXTS);
  await writeLines(at('test.jsonl'), ['to measure by', 'and another']);
});
afterAll(() => rm(folder, {recursive: true}));

const at = (path: string) => join(folder, path);
const TEXTS = Array.from({length: 600}, (_, row) => `text ${row} of a set`);
const asked: string[] = [];

const parity = parityTeacher(asked, {maxBatch: 64});

const recipeOf = (path: string, size: number): Recipe => ({
  name: 'sharded',
  data: () => textShards({path: at(path), test: at('test.jsonl'), classes: PARITIES, index: at('index')}),
  transfer: {size, seed: 4},
  teachers: {'black-box': () => parity},
  student: hashedNgrams(),
  methods: [{level: 'black-box', method: 'labels', losses: [hardLabels()]}],
  seeds: [1],
});

/** Asks as `label` does, about all or a shard, and tells what the teacher was asked. */
async function label(recipe: Recipe, options: StudyOptions, shard?: Shard) {
  asked.length = 0;
  const study = await openStudy(await resolveRecipe(recipe, shard ? 'sample' : 'all'), ['black-box'], options);
  try {
    const [plan] = study.recipe.queryPlans;
    const found = await (shard ? labelShard(study, plan!, shard) : labelQueries(study, plan!));
    return {found, asked: [...asked]};
  } finally {
    await study.close();
  }
}

const savedIn = ({found}: Awaited<ReturnType<typeof label>>) => readFile((found as Labelled).path);
const placesFor = (name: string) => ({directory: at(`${name}/out`), cache: at(`${name}/answers`)});

describe('labelShard of data in shards', () => {
  it.each([600, 250])(
    'asks about %i inputs by ranges, and leaves nothing to buy: the knowledge is that of one file',
    async size => {
      const whole = await label(recipeOf('one.jsonl', size), placesFor(`whole-${size}`));
      const places = placesFor(`parts-${size}`);
      const first = await label(recipeOf('shards', size), places, {from: 0, to: 100});
      expect(first.asked).toEqual(whole.asked.slice(0, 100));
      const second = await label(recipeOf('shards', size), places, {from: 100, to: size});
      expect([...first.asked, ...second.asked].toSorted()).toEqual(whole.asked.toSorted());
      const joined = await label(recipeOf('shards', size), places);
      expect(joined.asked).toEqual([]);
      expect(await savedIn(joined)).toEqual(await savedIn(whole));
    },
  );

  it('names the shard that was damaged since, and asks nothing', async () => {
    await writeLines(at('torn/a.jsonl'), TEXTS.slice(0, 50));
    const recipe = recipeOf('torn', 50);
    await label(recipe, placesFor('damaged'), {from: 0, to: 30});
    const text = (await readFile(at('torn/a.jsonl'), 'utf8')).replace('"text 40 of a set"}', '"text 40');
    await writeFile(at('torn/a.jsonl'), text);
    await expect(label(recipe, placesFor('damaged'), {from: 30, to: 50})).rejects.toThrow('a.jsonl, line 41: not JSON');
    expect(asked).toEqual([]);
  });
});

describe('a run of a queue over data in shards', () => {
  const originFor = async (recipe: Recipe, held: Held) => {
    const study = await openStudy(await resolveRecipe(recipe, held), ['black-box'], placesFor('queue'));
    await study.close();
    return originOf([{question: undefined, study}], 'the recipe');
  };

  it('is the same whatever a process holds of them, and another for other shards or another draw', async () => {
    const origin = await originFor(recipeOf('shards', 250), 'all');
    expect(await originFor(recipeOf('shards', 250), 'sample')).toEqual(origin);
    expect(originDifference(origin, await originFor(recipeOf('one.jsonl', 250), 'sample'))).toContain('the data of');
    const other = {...recipeOf('shards', 250), transfer: {size: 250, seed: 5}};
    expect(originDifference(origin, await originFor(other, 'sample'))).toContain('the data of');
  });
});

describe('planStudy of data in shards', () => {
  it('estimates a large set by a sample, with intervals that hold what is known, and counts a part exactly', async () => {
    const many = Array.from({length: 5000}, (_, row) => `text ${row}`);
    await writeLines(at('many.jsonl'), many);
    const recipe = recipeOf('many.jsonl', 5000);
    const {cache} = placesFor('many');
    await label(recipe, placesFor('many'), {from: 0, to: 2000});
    const [level] = (await planStudy(recipe, {cache, isOffline: true})).levels;
    expect(level).toMatchObject({about: 'transfer set', inputs: 5000, sampled: 1024});
    const [least, most] = level!.intervals!.open;
    expect(least).toBeLessThan(3000);
    expect(most).toBeGreaterThan(3000);
    const part = {from: 1900, to: 2100};
    const [exact] = (await planStudy(recipe, {cache, isOffline: true, shard: part})).levels;
    expect(exact).toMatchObject({inputs: 200, cached: 100});
    expect(exact!.sampled).toBeUndefined();
  });
});
