import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import {BudgetError, InputError, KnowledgeError} from '../../src/errors.ts';
import {loadKnowledge} from '../../src/knowledge/files.ts';
import type {Knowledge} from '../../src/knowledge/knowledge.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {planMethods, type QueryPlan} from '../../src/recipe/methods.ts';
import type {Method} from '../../src/recipe/recipe.ts';
import {disagreement} from '../../src/select/disagreement.ts';
import {margin} from '../../src/select/margin.ts';
import {labelQueries} from '../../src/study/asking.ts';
import {compare} from '../../src/study/compare.ts';
import {knowledgeFile} from '../../src/study/folders.ts';
import {withSavedKnowledge} from '../../src/study/knowledge.ts';
import type {Labelled} from '../../src/study/missing.ts';
import {planStudy} from '../../src/study/plan.ts';
import {readResults} from '../../src/study/read-results.ts';
import type {Results} from '../../src/study/results.ts';
import type {StudyOptions} from '../../src/study/study.ts';
import {
  hashesOf,
  methodOf,
  openRecipe,
  type Spied,
  startedTinyModel,
  studyPlaces,
  tinyData,
  tinyRecipe,
  tinyTeachers,
  transferSize,
} from './tiny.ts';

const places = studyPlaces();
const fileOf = ({directory}: {readonly directory: string}, plan: QueryPlan) =>
  knowledgeFile({knowledgeRoot: join(directory, 'knowledge')}, plan);
const model = await startedTinyModel();

const labels: Method = {level: 'black-box', method: 'labels', losses: [hardLabels()]};
const chosen: Method = {...labels, method: 'chosen', select: {by: margin(), held: 8, first: 6, size: 13}};

const recipeFor = (teacher: Spied<'black-box'>, methods: readonly Method[] = [labels, chosen]) =>
  tinyRecipe({'black-box': teacher}, {methods, seeds: [1]});

/** Asks all that a recipe asks, as `label` does. */
async function label(recipe: ReturnType<typeof recipeFor>, options: StudyOptions) {
  const study = await openRecipe(recipe, ['black-box'], options);
  try {
    const found = [];
    for (const plan of study.recipe.queryPlans) found.push(await labelQueries(study, plan));
    return found;
  } finally {
    await study.close();
  }
}

describe('a method that chooses its inputs', () => {
  let where: {readonly directory: string; readonly cache: string};
  let teacher: Spied<'black-box'>;
  let results: Results;
  const notes: string[] = [];

  beforeAll(async () => {
    where = await places();
    teacher = tinyTeachers(model)['black-box'];
    results = await compare(recipeFor(teacher), {...where, onNote: note => notes.push(note)});
  });

  it('asks about no more inputs than others, and shares what both ask about', () => {
    expect(results.ledger.byMethod).toMatchObject({chosen: {asked: transferSize}});
    const both = results.ledger.byMethod!['chosen']!.cached;
    // The first round's are drawn as those of the others are; the rest may be among them.
    expect(both).toBeGreaterThanOrEqual(14);
    expect(new Set(teacher.queried).size).toBe(teacher.queried.length);
    expect(results.methods.map(({method}) => method)).toEqual(['labels', 'chosen']);
    expect(results.methods[1]!.description).toMatch(/^40 inputs, chosen in rounds \(margin\): label/);
  });

  it('tells what each round came to', () => {
    const rounds = notes.filter(note => note.startsWith('Round'));
    expect(rounds.map(note => note.slice(0, 21))).toEqual([
      'Round 1: 14 answers, ',
      'Round 2: 27 answers, ',
      'Round 3: 40 answers, ',
    ]);
    expect(rounds[1]).toMatch(/on 8 held out; the next 100 calls are expected to buy \+\d+\.\d points \(.+ to .+\)\.$/);
    expect(rounds[2]).toMatch(/It ends here: as many inputs as were allowed have been asked about\.$/);
  });

  it('saves what was chosen beside its knowledge', async () => {
    const folder = join(where.directory, 'knowledge');
    const knowledge = await loadKnowledge(join(folder, 'black-box.chosen.safetensors'));
    const selection = JSON.parse(await readFile(join(folder, 'black-box.chosen.selection.json'), 'utf8'));
    expect(selection).toMatchObject({
      by: 'margin',
      rounds: [{answers: 14}, {answers: 27, held: 8}, {answers: 40, stopped: 'most'}],
    });
    const all = hashesOf(tinyData().train.inputs);
    expect(hashesOf(knowledge.inputs)).toEqual(selection.rows.map((row: number) => all[row]));
  });

  it('has its rounds in the results, and a plot of them in the report', async () => {
    const {selection} = (await readResults(where.directory)).methods[1]!;
    expect(selection).toEqual(results.methods[1]!.selection);
    expect(selection).toMatchObject({by: 'margin', rounds: [{answers: 14}, {answers: 27}, {answers: 40}]});
    expect(selection!.rounds.map(({gain}) => gain?.calls)).toEqual([undefined, 100, 100]);
    expect(results.methods[0]!.selection).toBeUndefined();
    expect(await readFile(join(where.directory, 'report.html'), 'utf8')).toContain('id="figure-selection"');
  });

  it('chooses the same again, of kept answers', async () => {
    const again = tinyTeachers(model)['black-box'];
    const [, found] = await label(recipeFor(again), {...(await places()), cache: where.cache});
    expect(again.calls.count).toBe(0);
    const knowledge = await loadKnowledge(join(where.directory, 'knowledge', 'black-box.chosen.safetensors'));
    expect((found as Labelled).knowledge).toEqual(knowledge);
  });

  it('trains from what was saved', async () => {
    const recipe = recipeFor(tinyTeachers(model)['black-box']);
    const study = await openRecipe(recipe, [], where);
    try {
      const method = methodOf(study, 'chosen');
      const {inputs} = await withSavedKnowledge(study, method, async ({knowledge}) => knowledge as Knowledge);
      expect(hashesOf(inputs)).not.toEqual(hashesOf(study.recipe.drawn.inputs));
      expect(inputs).toEqual((await loadKnowledge(fileOf(where, method.queryPlan!))).inputs);
    } finally {
      await study.close();
    }
  });
});

/** A teacher whose calls are charged for. */
function charging(teacher: Spied<'black-box'>): Spied<'black-box'> {
  return {
    ...teacher,
    service: {account: 'tiny', reader: 1, read: () => []},
    async ask(queried, options = {}) {
      const outcomes = teacher.ask(queried, options);
      const send = async () => {
        await outcomes;
        return {status: 200, headers: {}, body: ''};
      };
      await options.exchange!([...queried.keys()], send);
      return outcomes;
    },
  };
}

describe('a selection that ends early', () => {
  it('says so, and leaves no input out', async () => {
    const teacher = tinyTeachers(model)['black-box'];
    const stopped: Method = {...chosen, select: {...chosen.select!, stop: {agreement: 0}}};
    const progress: number[] = [];
    const [found] = await label(recipeFor(teacher, [stopped]), {
      ...(await places()),
      onProgress: ({done, total}) => progress.push(done / total),
    });
    expect(found).toMatchObject({missing: [], knowledge: {inputs: {count: 14}}});
    expect(progress.at(-1)).toBe(1);
  });

  it('ends `label` well and `compare` not at the end of a budget', async () => {
    const recipe = () => recipeFor(charging(tinyTeachers(model)['black-box']), [chosen]);
    const options = {budget: [{calls: 3}]};
    const [found] = await label(recipe(), {...(await places()), ...options});
    const {missing, knowledge} = found as Labelled;
    expect(missing.length).toBeGreaterThan(0);
    expect(missing.every(({error}) => error instanceof BudgetError)).toBe(true);
    expect(knowledge.inputs.count).toBeLessThan(40);
    await expect(compare(recipe(), {...(await places()), ...options})).rejects.toThrow(KnowledgeError);
  });
});

describe('what is checked and planned', () => {
  it('plans at most as many inputs, none of them taken to be kept', async () => {
    const {cache, directory} = await places();
    const teacher = tinyTeachers(model)['black-box'];
    const recipe = recipeFor(teacher, [labels, {...chosen, select: {by: disagreement({students: 2})}}]);
    await label(recipeFor(teacher, [labels]), {cache, directory});
    const {levels} = await planStudy(recipe, {cache});
    expect(levels.slice(0, 2)).toMatchObject([
      {level: 'black-box', inputs: 40, cached: 40},
      {method: 'chosen', atMost: true, inputs: 40, cached: 0, calls: {low: 0, expected: 5}},
    ]);
    expect(levels[0]).not.toHaveProperty('atMost');
    expect(levels[1]!.choice).toMatch(
      /^8 drawn at random to measure by, 4 drawn at random to begin with, 28 chosen by dis/,
    );
  });

  it('refuses a first round that is too large, before anything is asked', async () => {
    const teacher = tinyTeachers(model)['black-box'];
    const recipe = recipeFor(teacher, [{...chosen, select: {by: margin(), held: 30, first: 20}}]);
    const options = await places();
    for (const start of [() => compare(recipe, options), () => planStudy(recipe, options)]) {
      const refused = start();
      await expect(refused).rejects.toThrow(InputError);
      await expect(refused).rejects.toThrow('Method `chosen`, `select`: The first round asks about 50 inputs');
    }
    expect(teacher.calls.count).toBe(0);
  });
});

describe('a method that chooses its inputs, with a guarantee', () => {
  it('calibrates by inputs that were drawn at random, out of its own budget', async () => {
    const where = await places();
    const teacher = tinyTeachers(model)['black-box'];
    // 9 answers without a disagreement prove it.
    const recipe = {...recipeFor(teacher), calibration: {folds: 2, agreement: 0.7}};
    const {rows, methods, ledger} = await compare(recipe, where);
    expect(ledger.byMethod).toMatchObject({chosen: {asked: transferSize}});
    expect(rows.map(({cascade}) => cascade!.guarantee!.answers)).toEqual([9, 9]);
    expect(methods[1]!.description).toContain('chosen in rounds (margin), 9 of them to calibrate by');
    const saved = await loadKnowledge(fileOf(where, planMethods(recipe.methods).queryPlans[1]!));
    // Asked about after what the first round learns from and is measured by.
    expect(saved.calibrationInputs).toEqual(Array.from({length: 9}, (_, place) => 14 + place));
  });
});
