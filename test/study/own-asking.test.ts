import {readdir} from 'node:fs/promises';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import {repeat} from '../../src/ask/compose/repeat.ts';
import {InputError} from '../../src/errors.ts';
import {loadKnowledge} from '../../src/knowledge/files.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {softLabels} from '../../src/losses/soft-labels.ts';
import {voteLabels} from '../../src/losses/vote-labels.ts';
import {planMethods, type QueryPlan} from '../../src/recipe/methods.ts';
import type {Method} from '../../src/recipe/recipe.ts';
import {askQueries, labelQueries} from '../../src/study/asking.ts';
import {compare} from '../../src/study/compare.ts';
import {withSavedKnowledge} from '../../src/study/knowledge.ts';
import {planStudy} from '../../src/study/plan.ts';
import {renderReport} from '../../src/study/report/page.ts';
import type {MethodResult, Results} from '../../src/study/results.ts';
import {resultsTable} from '../../src/study/table.ts';
import type {Teacher} from '../../src/teacher.ts';
import {
  methodOf,
  openRecipe,
  type Spied,
  spied,
  startedTinyModel,
  studyPlaces,
  tinyRecipe,
  tinyTeachers,
  transferSize,
} from './tiny.ts';

const places = studyPlaces();
const model = await startedTinyModel();

const labels: Method = {level: 'black-box', method: 'labels', losses: [hardLabels()]};
const votes: Method = {
  level: 'black-box',
  method: 'votes of 3',
  asks: teacher => repeat(teacher, {samples: 3}),
  losses: [voteLabels()],
};

/** A black-box teacher whose samples differ. */
function sampling(): Spied<'black-box'> {
  const teacher = tinyTeachers(model)['black-box'];
  const answering: Teacher<'black-box'> = {
    ...teacher,
    async ask(queried, options) {
      const outcomes = await teacher.ask(queried, options);
      return outcomes.map((outcome, place) => {
        const {sample = 0} = queried[place]!;
        if ('error' in outcome || outcome.answer.kind !== 'label' || sample % 2 === 0) return outcome;
        return {answer: {kind: 'label', label: (outcome.answer.label + 1) % 3}};
      });
    },
  };
  return spied(answering);
}

describe('a method that asks in its own way', () => {
  let where: {readonly directory: string; readonly cache: string};
  let teacher: Spied<'black-box'>;
  let results: Results;
  const recipeFor = (asked: Teacher<'black-box'>) =>
    tinyRecipe({'black-box': asked as Spied<'black-box'>}, {methods: [labels, votes], seeds: [1]});

  beforeAll(async () => {
    where = await places();
    teacher = sampling();
    results = await compare(recipeFor(teacher), where);
  });

  it('stands beside one that asks the same teacher as it is, and an answer that both need is bought once', () => {
    const {byLevel, byMethod, asked, bought} = results.ledger;
    expect(byLevel).toMatchObject({'black-box': {asked: transferSize, bought: transferSize}});
    expect(byMethod).toMatchObject({
      'votes of 3': {asked: 3 * transferSize, bought: 2 * transferSize, cached: transferSize},
    });
    expect({asked, bought}).toEqual({asked: 4 * transferSize, bought: 3 * transferSize});
    // The test split is asked about besides.
    expect(teacher.queried).toHaveLength(3 * transferSize + 30);
  });

  it('has knowledge of its own, in a file of its own', async () => {
    const folder = join(where.directory, 'knowledge');
    expect((await readdir(folder)).sort()).toEqual(['black-box.safetensors', 'black-box.votes-of-3.safetensors']);
    const own = await loadKnowledge(join(folder, 'black-box.votes-of-3.safetensors'));
    const shared = await loadKnowledge(join(folder, 'black-box.safetensors'));
    expect([own.detail, shared.detail]).toEqual([{kind: 'votes'}, {kind: 'label'}]);
    const {counts} = own.answers as {readonly counts: Uint32Array};
    const named = (shared.answers as {readonly labels: Int32Array}).labels;
    for (const [row, label] of named.entries()) {
      expect([counts[3 * row + label], counts[3 * row + ((label + 1) % 3)]]).toEqual([2, 1]);
    }
  });

  it('has numbers of its own in the table and the report', () => {
    const table = resultsTable(results);
    expect(table).toMatch(/labels .* 40 +40\n/);
    expect(table).toMatch(/votes of 3 .* 120 +80\n/);
    expect(table).toContain('stand on the first row that learns from them');
    const report = renderReport(results).replace(/\s+/g, ' ');
    expect(report).toContain('for votes of 3 alone');
  });

  it('is planned by itself, without what is bought for others before', async () => {
    const {cache} = await places();
    const plans = (await planStudy(recipeFor(sampling()), {cache})).levels;
    const [shared, own, reference] = plans;
    expect([shared, own, reference].map(plan => [plan!.level, plan!.method])).toEqual([
      ['black-box', undefined],
      ['black-box', 'votes of 3'],
      ['black-box', undefined],
    ]);
    // Eight a batch, and of the votes the first is what the others ask as well.
    expect(shared).toMatchObject({inputs: 40, cached: 0, calls: {low: 5}});
    expect(own?.parts).toMatchObject([{inputs: 120, cached: 40, calls: {low: 10}}]);
    const kept = (await planStudy(recipeFor(sampling()), {cache: where.cache})).levels;
    expect(kept.map(({calls}) => calls.low)).toEqual([0, 0, 0]);
  });

  it('learns from what was saved of it', async () => {
    const study = await openRecipe(recipeFor(sampling()), [], where);
    const own = await withSavedKnowledge(study, methodOf(study, votes.method), async ({knowledge}) => knowledge.detail);
    const shared = await withSavedKnowledge(
      study,
      methodOf(study, labels.method),
      async ({knowledge}) => knowledge.detail,
    );
    await study.close();
    expect([own, shared]).toEqual([{kind: 'votes'}, {kind: 'label'}]);
  });

  it('is asked once more from the cache alone', async () => {
    const again = sampling();
    const offline = {cache: where.cache, directory: join(where.directory, 'again'), record: 'none'} as const;
    const {methods} = await compare(recipeFor(again), offline);
    const untimed = ({efficiency: _, ...method}: MethodResult) => method;
    expect(methods.map(untimed)).toEqual(results.methods.map(untimed));
    expect(again.queried).toEqual([]);
  });
});

describe('what a study asks', () => {
  it('is by level what its methods share, and then what one asks alone', () => {
    const gray: Method = {level: 'gray-box', method: 'gray', losses: [softLabels()]};
    const {queryPlans, methods} = planMethods([gray, votes, labels, {...labels, method: 'smooth'}]);
    const learning = (plan: QueryPlan) => methods.filter(({queryPlan}) => queryPlan === plan).map(({method}) => method);
    expect(queryPlans.map(plan => [plan.level, plan.own?.method, learning(plan)])).toEqual([
      ['black-box', undefined, ['labels', 'smooth']],
      ['black-box', 'votes of 3', ['votes of 3']],
      ['gray-box', undefined, ['gray']],
    ]);
  });

  it('is labelled by each with a line and a file', async () => {
    const where = await places();
    const recipe = tinyRecipe({'black-box': sampling()}, {methods: [votes, labels]});
    const study = await openRecipe(recipe, ['black-box'], where);
    const [shared, own] = study.recipe.queryPlans;
    const asked = await askQueries(study, own!);
    const labelled = await labelQueries(study, shared!);
    await study.close();
    expect(asked).toMatchObject({path: join(where.directory, 'knowledge/black-box.votes-of-3.safetensors')});
    expect(labelled).toMatchObject({total: 40, missing: [], ledger: {bought: 0, cached: 40}});
  });

  it('is refused before anybody is asked where the method sees less than it learns from', async () => {
    const teachers = tinyTeachers(model);
    const plain: Method = {...votes, asks: teacher => teacher};
    const failing = compare(tinyRecipe(teachers, {methods: [plain]}), await places());
    await expect(failing).rejects.toThrow('Method `votes of 3` learns from votes, but black-box teacher');
    const none: Method = {...votes, asks: () => undefined as unknown as Teacher};
    await expect(compare(tinyRecipe(teachers, {methods: [none]}), await places())).rejects.toThrow(InputError);
    expect(teachers['black-box'].queried).toEqual([]);
  });
});
