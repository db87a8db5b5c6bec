import {existsSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import fc from 'fast-check';
import {beforeAll, describe, expect, it} from 'vitest';
import {noise} from '../../src/data/view.ts';
import {InputError, KnowledgeError} from '../../src/errors.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import type {Method} from '../../src/recipe/recipe.ts';
import {margin} from '../../src/select/margin.ts';
import {exportAnswers, importAnswers} from '../../src/store/portable.ts';
import {openStoreAt} from '../../src/store/store.ts';
import {labelQueries} from '../../src/study/asking.ts';
import type {Labelled} from '../../src/study/missing.ts';
import {planStudy} from '../../src/study/plan.ts';
import {answerRange, labelShard, type RowRange, rowsOf, type Shard} from '../../src/study/shard.ts';
import type {StudyOptions} from '../../src/study/study.ts';
import {hashesOf, openRecipe, startedTinyModel, studyPlaces, tinyRecipe, tinyTeachers, transferSize} from './tiny.ts';

const places = studyPlaces();
const model = await startedTinyModel();

const labels: Method = {level: 'black-box', method: 'labels', losses: [hardLabels()]};
const viewed: Method = {...labels, method: 'views', views: {view: noise({deviation: 20}), count: 2}};
const chosen: Method = {...labels, method: 'chosen', select: {by: margin(), held: 8, first: 6}};

const asked = (methods: readonly Method[] = [labels, viewed]) => {
  const teacher = tinyTeachers(model)['black-box'];
  return {teacher, recipe: tinyRecipe({'black-box': teacher}, {methods, seeds: [1]})};
};

/** Asks as `label` does, about all or a shard, and tells what was queried, in order. */
async function label(options: StudyOptions, shard?: Shard, methods?: readonly Method[]) {
  const {teacher, recipe} = asked(methods);
  const study = await openRecipe(recipe, ['black-box'], options);
  try {
    const found = [];
    for (const plan of study.recipe.queryPlans) {
      found.push(await (shard ? labelShard(study, plan, shard) : labelQueries(study, plan)));
    }
    return {found, queried: teacher.queried, transfer: hashesOf(study.recipe.drawn.inputs)};
  } finally {
    await study.close();
  }
}

const shares = (of: number): Shard[] => Array.from({length: of}, (_, index) => ({number: index + 1, of}));

const savedIn = ({found}: Awaited<ReturnType<typeof label>>) =>
  Promise.all(found.map(one => readFile((one as Labelled).path)));

describe('rowsOf', () => {
  it('divides any set into shares that follow one another and differ by at most one input', () => {
    fc.assert(
      fc.property(fc.integer({min: 1, max: 10_000_000}), fc.integer({min: 1, max: 300}), (count, most) => {
        const of = Math.min(count, most);
        const all = shares(of).map(share => rowsOf(share, count));
        expect(all.map(({from}) => from)).toEqual([0, ...all.slice(0, -1).map(({to}) => to)]);
        expect(all.at(-1)!.to).toBe(count);
        const sizes = all.map(({from, to}) => to - from);
        expect(Math.min(...sizes)).toBeGreaterThanOrEqual(1);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it.each([
    [{from: 0, to: 41}, 'There are no rows 0:41 in a transfer set of 40 inputs. Give `--rows A:B` with A from 0'],
    [{from: 40, to: 50}, 'There are no rows 40:50'],
    [{from: 7, to: 7}, 'There are no rows 7:7'],
    [{from: -1, to: 7}, 'There are no rows -1:7'],
    [{from: 0.5, to: 7}, 'There are no rows 0.5:7'],
    [
      {number: 1, of: 41},
      'There is no share 1/41 of a transfer set of 40 inputs. Give `--shard N/M` with N from 1 to M',
    ],
    [{number: 0, of: 4}, 'There is no share 0/4'],
    [{number: 5, of: 4}, 'There is no share 5/4'],
    [{number: 1.5, of: 4}, 'There is no share 1.5/4'],
  ])('refuses %j of 40 inputs, and says what to give', (shard, message) => {
    expect(() => rowsOf(shard, 40)).toThrow(InputError);
    expect(() => rowsOf(shard, 40)).toThrow(message);
  });
});

describe('labelShard', () => {
  let whole: Awaited<ReturnType<typeof label>>;
  let knowledge: readonly Buffer[];

  beforeAll(async () => {
    whole = await label(await places());
    knowledge = await savedIn(whole);
  });

  it('asks about the rows of the drawn order that are wanted, in that order, with all views of each', async () => {
    const {directory, cache} = await places();
    const {found, queried, transfer} = await label({directory, cache}, {from: 13, to: 20});
    expect(queried.slice(0, 7)).toEqual(transfer.slice(13, 20));
    expect(found).toMatchObject([
      {rows: {from: 13, to: 20}, of: transferSize, total: 7, knowledge: {inputs: {count: 7}}},
      {rows: {from: 13, to: 20}, of: transferSize, total: 21, knowledge: {inputs: {count: 21}, versions: 3}},
    ]);
    // The same views as if all were asked about.
    expect(queried.filter(hash => !whole.queried.includes(hash))).toEqual([]);
    expect(existsSync(join(directory, 'knowledge'))).toBe(false);
  });

  it('leaves nothing to buy if all shards share a cache, and the same knowledge to the byte', async () => {
    const {cache} = await places();
    const bought: string[] = [];
    // In no order: the last first.
    for (const shard of shares(3).toReversed()) {
      bought.push(...(await label({...(await places()), cache}, shard)).queried);
    }
    expect(bought.toSorted()).toEqual(whole.queried.toSorted());
    const joined = await label({...(await places()), cache});
    expect(joined.queried).toEqual([]);
    expect(await savedIn(joined)).toEqual(knowledge);
  });

  it('leaves nothing to buy either if each shard has a cache of its own, once all are imported into one', async () => {
    const {cache} = await places();
    for (const shard of shares(2)) {
      const own = await places();
      await label(own, shard);
      const [from, to] = [openStoreAt(own.cache), openStoreAt(cache)];
      await exportAnswers(from, `${own.cache}.jsonl.gz`);
      await importAnswers(to, `${own.cache}.jsonl.gz`);
      for (const store of [from, to]) await store.close();
    }
    const joined = await label({...(await places()), cache});
    expect(joined.queried).toEqual([]);
    expect(await savedIn(joined)).toEqual(knowledge);
  });

  it('leaves the knowledge of the whole as it is', async () => {
    const where = await places();
    const before = await label(where);
    await label(where, {number: 2, of: 2});
    expect(await savedIn(before)).toEqual(knowledge);
  });

  it('refuses a method that chooses its inputs in rounds, before anything is asked', async () => {
    const refused = label(await places(), {number: 1, of: 2}, [chosen]);
    await expect(refused).rejects.toThrow(InputError);
    await expect(refused).rejects.toThrow('Method `chosen` chooses its inputs in rounds');
  });
});

describe('planStudy of a shard', () => {
  it('plans what `label` asks about it, and nothing that `compare` measures by', async () => {
    const {cache} = await places();
    await label({...(await places()), cache}, {from: 0, to: 5});
    const plan = await planStudy(asked().recipe, {cache, shard: {number: 1, of: 4}});
    expect(plan.part).toEqual({rows: {from: 0, to: 10}, of: 40});
    expect(plan.levels.map(({about, inputs, cached}) => [about, inputs, cached])).toEqual([
      ['transfer set', 10, 5],
      ['transfer set', 30, 20],
    ]);
  });

  it('refuses what `label` refuses', async () => {
    const {cache} = await places();
    await expect(planStudy(asked().recipe, {cache, shard: {from: 0, to: 41}})).rejects.toThrow('no rows 0:41');
    await expect(planStudy(asked([chosen]).recipe, {cache, shard: {from: 0, to: 4}})).rejects.toThrow('in rounds');
  });
});

describe('answerRange', () => {
  const answer = async (options: StudyOptions, ...ranges: readonly RowRange[]) => {
    const {teacher, recipe} = asked();
    const study = await openRecipe(recipe, ['black-box'], options);
    const done: number[] = [];
    try {
      const told = {...study, onProgress: (progress: {readonly done: number}) => done.push(progress.done)};
      const found = [];
      for (const plan of study.recipe.queryPlans) {
        for (const range of ranges) found.push(await answerRange(told, plan, range));
      }
      return {found, done, queried: teacher.queried};
    } finally {
      await study.close();
    }
  };

  it('keeps the answers about a range with all views, and saves no knowledge', async () => {
    const {directory, cache} = await places();
    const {found, done, queried} = await answer({directory, cache}, {from: 13, to: 20});
    expect(found).toMatchObject([
      {total: 7, missing: [], ledger: {bought: 7}},
      // The first view of each is known by now.
      {total: 21, missing: [], ledger: {bought: 14}},
    ]);
    expect(queried).toEqual((await label(await places(), {from: 13, to: 20})).queried);
    expect(done.at(-1)).toBe(21);
    expect(existsSync(join(directory, 'knowledge'))).toBe(false);
    await expect(answer({directory, cache}, {from: 0, to: 41})).rejects.toThrow('There are no rows 0:41');
  });

  it('lets `labelQueries` save the knowledge of all ranges offline, with the reasons of what has no answer', async () => {
    const where = await places();
    await answer(where, {from: 0, to: 13}, {from: 20, to: transferSize});
    const {recipe} = asked([labels]);
    const study = await openRecipe(recipe, ['black-box'], {...where, record: 'none'});
    try {
      const [plan] = study.recipe.queryPlans;
      const reasons = new Map(Array.from({length: 7}, (_, index) => [13 + index, new KnowledgeError('No class.')]));
      const found = (await labelQueries(study, plan!, reasons)) as Labelled;
      expect(found.missing.map(({index, error}) => [index, error.message])).toEqual(
        Array.from(reasons.keys(), index => [index, 'No class.']),
      );
      expect(found.knowledge).toMatchObject({unanswered: 7, inputs: {count: transferSize - 7}});
    } finally {
      await study.close();
    }
  });
});
