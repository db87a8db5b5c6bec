import {join} from 'node:path';
import {setTimeout} from 'node:timers/promises';
import {beforeAll, describe, expect, it} from 'vitest';
import {type Inputs, inputAt} from '../../src/data/inputs.ts';
import {mixUp} from '../../src/data/mixed-view.ts';
import {randomFraction, seededRandom} from '../../src/data/random.ts';
import {crop, flip, noise, views} from '../../src/data/view.ts';
import {KnowledgeError, TeacherError} from '../../src/errors.ts';
import {loadKnowledge} from '../../src/knowledge/files.ts';
import type {Knowledge} from '../../src/knowledge/knowledge.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {softLabels} from '../../src/losses/soft-labels.ts';
import {planMethods} from '../../src/recipe/methods.ts';
import type {Method} from '../../src/recipe/recipe.ts';
import {labelQueries} from '../../src/study/asking.ts';
import {compare} from '../../src/study/compare.ts';
import {answeredMethod} from '../../src/study/knowledge.ts';
import {openMethod} from '../../src/study/methods.ts';
import {planStudy} from '../../src/study/plan.ts';
import type {Results} from '../../src/study/results.ts';
import type {Input, Query, Teacher} from '../../src/teacher.ts';
import {
  classes,
  hashOf,
  openRecipe,
  settingApart,
  startedTinyModel,
  studyPlaces,
  tinyData,
  tinyRecipe,
  tinyTeachers,
  transferSize,
} from './tiny.ts';

const places = studyPlaces();
const model = await startedTinyModel();

const moved = views(crop({padding: 1}), flip());
const labels: Method = {level: 'black-box', method: 'labels', losses: [hardLabels()]};
const viewed: Method = {...labels, method: 'views', views: {view: noise({deviation: 20}), count: 3}};
const mixed: Method = {...labels, method: 'mixtures', views: {view: mixUp(), count: 2, clean: false}};

/** A label that hangs on every byte: it is right of the very pixels that were asked about, and of nearly no others. */
const poison = (input: Input) => Number.parseInt(hashOf(input).slice(0, 8), 16) % 3;

interface Poisoned extends Teacher<'black-box'> {
  readonly queried: Query[];
}

/**
 * A teacher that answers with `poison`, calls overtaking each other.
 *
 * @param then - called with how many queries were asked, before a call is answered
 */
function poisoned(then: (asked: number) => void = () => {}): Poisoned {
  const queried: Query[] = [];
  const random = seededRandom(1, 'delays');
  return {
    name: 'poisoned',
    identity: {name: 'poisoned'},
    access: 'black-box',
    classes,
    detail: {kind: 'label'},
    maxBatch: 8,
    concurrency: 4,
    queried,
    async ask(asked) {
      queried.push(...asked);
      then(queried.length);
      await setTimeout(10 * randomFraction(random));
      return asked.map(({input}) => ({answer: {kind: 'label', label: poison(input)}}));
    },
  };
}

const recipeOf = (teacher: Teacher<'black-box'>, methods: readonly Method[]) => ({
  ...tinyRecipe({}, {methods, seeds: [1]}),
  teachers: {'black-box': () => teacher},
});

const labelsOf = ({answers}: Knowledge) => [...(answers as {readonly labels: Int32Array}).labels];
const poisonOf = (inputs: Inputs) => Array.from({length: inputs.count}, (_, row) => poison(inputAt(inputs, row)));

describe('a method that learns from views', () => {
  let where: {readonly directory: string; readonly cache: string};
  let teacher: Poisoned;
  let results: Results;
  const methods = [labels, viewed, mixed];
  const saved = (method: string) => loadKnowledge(join(where.directory, `knowledge/black-box.${method}.safetensors`));

  beforeAll(async () => {
    where = await places();
    teacher = poisoned();
    results = await compare(recipeOf(teacher, methods), where);
  });

  it('asks about each view once and about each input once, which others need as well', () => {
    const {byLevel, byMethod} = results.ledger;
    expect(byLevel).toMatchObject({'black-box': {asked: 40, bought: 40}});
    expect(byMethod).toMatchObject({views: {asked: 160, bought: 120, cached: 40}, mixtures: {asked: 80, bought: 80}});
    const transfer = teacher.queried.slice(0, 240);
    expect(transfer.filter(({view = 0}) => view === 0)).toHaveLength(40);
    expect(results.rows.map(({budget}) => budget)).toEqual([40, 160, 80]);
    expect(results.methods[1]!.description).toMatch(/^40 inputs, 4 versions of each: label/);
  });

  it('keeps with each answer the very pixels that it is about', async () => {
    for (const [method, versions] of [
      ['views', 4],
      ['mixtures', 2],
    ] as const) {
      const knowledge = await saved(method);
      expect(knowledge.versions).toBe(versions);
      expect(knowledge.inputs.count).toBe(40 * versions);
      expect(labelsOf(knowledge)).toEqual(poisonOf(knowledge.inputs));
    }
  });

  it('asks about them no more, and in another order comes to the same', async () => {
    const again = poisoned();
    const elsewhere = {cache: where.cache, directory: join(where.directory, 'again')};
    const other = await compare(recipeOf(again, [mixed, viewed, labels]), elsewhere);
    expect(again.queried).toEqual([]);
    expect(other.rows.map(({method, curve}) => [method, curve]).reverse()).toEqual(
      results.rows.map(({method, curve}) => [method, curve]),
    );
  });

  it('takes as many steps as one that does not', () => {
    const steps = results.rows.map(({curve}) => curve.at(-1)!.step);
    expect(new Set(steps)).toEqual(new Set([9]));
  });

  it('is planned by its versions, without what is bought before', async () => {
    const {cache} = await places();
    const {levels} = await planStudy(recipeOf(poisoned(), methods), {cache});
    expect(levels.map(({inputs, cached}) => [inputs, cached])).toEqual([
      [40, 0],
      [160, 40],
      [80, 0],
      [30, 0],
    ]);
    const kept = await planStudy(recipeOf(poisoned(), methods), {cache: where.cache});
    expect(kept.levels.every(({inputs, cached}) => inputs === cached)).toBe(true);
  });

  it('goes on where asking was stopped, and buys nothing twice', async () => {
    const stopped = await places();
    const controller = new AbortController();
    const first = poisoned(asked => asked > 60 && controller.abort());
    const running = compare(recipeOf(first, [viewed]), {...stopped, signal: controller.signal});
    await expect(running).rejects.toThrow(/abort/i);
    const second = poisoned();
    await compare(recipeOf(second, [viewed]), stopped);
    const asked = [...first.queried, ...second.queried];
    expect(asked).toHaveLength(160 + 30);
    expect(new Set(asked.map(({input, view = 0}) => `${view} ${hashOf(input)}`)).size).toBe(160 + 30);
    const knowledge = await loadKnowledge(join(stopped.directory, 'knowledge/black-box.views.safetensors'));
    expect(labelsOf(knowledge)).toEqual(poisonOf(knowledge.inputs));
  });

  it('learns of an input with all its versions or not at all', async () => {
    const where = await places();
    const whole = poisoned();
    let bad = '';
    const failing: Teacher<'black-box'> = {
      ...whole,
      async ask(queried, options) {
        const outcomes = await whole.ask(queried, options);
        return outcomes.map((outcome, place) => {
          const {input, view = 0} = queried[place]!;
          if (bad === '' && view !== 0) bad = hashOf(input);
          return hashOf(input) === bad ? {error: new TeacherError('poisoned', 'No.')} : outcome;
        });
      },
    };
    const recipe = recipeOf(failing, [viewed]);
    const study = await openRecipe(recipe, ['black-box'], where);
    const found = await labelQueries(study, study.recipe.queryPlans[0]!);
    await study.close();
    if ('pending' in found) throw new TypeError('Expected answers.');
    const {knowledge, missing, total} = found;
    expect(missing.length).toBeGreaterThan(0);
    expect({total, versions: knowledge.versions}).toEqual({total: 160, versions: 4});
    expect(knowledge.inputs.count % 4).toBe(0);
    expect(knowledge.inputs.count).toBeLessThan(160);
    expect(labelsOf(knowledge)).toEqual(poisonOf(knowledge.inputs));
    await expect(compare(recipe, where)).rejects.toThrow(KnowledgeError);
  });
});

describe('true labels', () => {
  const truth: Method = {level: 'none', method: 'truth', losses: [hardLabels()]};

  it('hold for all versions of an input', () => {
    const data = tinyData();
    const {train} = data;
    const recipe = {drawn: train, data, ...settingApart({})};
    const [method] = planMethods([{...truth, views: {view: moved, count: 2}}]).methods;
    const {knowledge: known} = answeredMethod(recipe, openMethod(method!, undefined), undefined);
    expect(known.versions).toBe(3);
    expect(labelsOf(known)).toEqual([...train.labels].flatMap(label => [label, label, label]));
    expect(inputAt(known.inputs, 3)).toEqual(inputAt(train.inputs, 1));
  });

  it('hold for another view each epoch, and are no more for it', async () => {
    const live = {...truth, method: 'new views', views: {view: moved}};
    const counted = {...truth, method: 'counted', views: {view: moved, count: 2}};
    const {rows, methods, ledger} = await compare(recipeOf(poisoned(), [truth, live, counted]), await places());
    expect(rows.map(({budget}) => budget)).toEqual([40, 40, 40]);
    expect(rows[1]!.curve).not.toEqual(rows[0]!.curve);
    expect(methods.map(({description}) => description.split(':')[0])).toEqual([
      '40 inputs',
      '40 inputs, each epoch by another view (crop 1, flip)',
      '40 inputs, 3 versions of each',
    ]);
    expect(ledger).toMatchObject({asked: 0, byMethod: {}});
  });

  it('are refused of a mixture, which has none', async () => {
    const recipe = recipeOf(poisoned(), [{...truth, views: {view: mixUp(), count: 2}}]);
    await expect(compare(recipe, await places())).rejects.toThrow('Method `truth` learns from true labels');
  });
});

describe('views that are not counted', () => {
  const live: Method = {level: 'white-box', method: 'live', losses: [softLabels()], views: {view: moved}};
  const plain: Method = {level: 'white-box', method: 'plain', losses: [softLabels()]};

  it('are answered by a white-box teacher in this process while students are trained, mixtures as well', async () => {
    const teacher = tinyTeachers(model)['white-box'];
    const mixing: Method = {...live, method: 'mixing', views: {view: mixUp()}};
    const notes: string[] = [];
    const recipe = tinyRecipe({'white-box': teacher}, {methods: [plain, live, mixing], seeds: [1]});
    const {ledger, rows, methods} = await compare(recipe, {...(await places()), onNote: note => notes.push(note)});
    expect(ledger).toMatchObject({asked: 40, bought: 40, byMethod: {}});
    // 3 epochs of 40 each, and one question for the shapes; before them the transfer set and the test split.
    expect(teacher.queried.length).toBeGreaterThanOrEqual(40 + 30 + 2 * 120);
    const clean = new Set(teacher.queried.slice(0, 70));
    expect(teacher.queried.slice(70).filter(question => !clean.has(question)).length).toBeGreaterThan(180);
    expect(rows.map(({budget}) => budget)).toEqual([40, 120, 120]);
    expect(new Set(rows.map(({curve}) => JSON.stringify(curve))).size).toBe(3);
    expect(methods[2]!.description).toContain('each epoch by another view (mix-up 1)');
    expect(notes).toEqual([]);
  });

  it('are left out of a service or a teacher that shows less, which is said', async () => {
    const teachers = tinyTeachers(model);
    const service = {account: 'tiny', reader: 1, read: () => []};
    const methods = [plain, live, {...live, level: 'gray-box' as const, method: 'gray'}];
    const recipe = tinyRecipe(teachers, {methods, seeds: [1]});
    const sources = {...recipe.teachers, 'white-box': () => ({...teachers['white-box'], service})};
    const notes: string[] = [];
    const options = {...(await places()), onNote: (note: string) => notes.push(note)};
    const {rows, ledger} = await compare({...recipe, teachers: sources}, options);
    expect(notes).toEqual([
      expect.stringMatching(/^Method `gray` learns from the inputs as they are: .*`views\.count`/),
      expect.stringMatching(/^Method `live` learns from the inputs as they are: .*`views\.count`/),
    ]);
    expect(rows.map(({budget}) => budget)).toEqual([transferSize, transferSize, transferSize]);
    expect(rows[1]!.curve).toEqual(rows[0]!.curve);
    expect(ledger.byMethod).toEqual({});
  });

  it('are refused beside `balance`, which goes by kept answers', async () => {
    const teachers = tinyTeachers(model);
    const recipe = tinyRecipe(teachers, {methods: [live]});
    const training = {...recipe.training, balance: 0.5};
    await expect(compare({...recipe, training}, await places())).rejects.toThrow(
      'Give `views.count`, or leave `balance`',
    );
    expect(teachers['white-box'].queried).toEqual([]);
  });

  it('are taken of a method’s own teacher', async () => {
    const teachers = tinyTeachers(model);
    const asked: Query[] = [];
    const watched = (teacher: Teacher): Teacher => ({
      ...teacher,
      ask: (queried, options) => {
        asked.push(...queried);
        return teacher.ask(queried, options);
      },
    });
    const recipe = tinyRecipe(teachers, {methods: [{...live, asks: watched}], seeds: [1]});
    await compare(recipe, await places());
    expect(asked.filter(({view = 0}) => view !== 0).length).toBeGreaterThanOrEqual(120);
  });
});

describe('views of inputs that have none', () => {
  it('are refused before anybody is asked', async () => {
    const teacher = poisoned();
    const texts = () => {
      const {train, ...others} = tinyData();
      const inputs = {kind: 'text', count: 60, texts: Array.from({length: 60}, (_, row) => `text ${row}`)} as const;
      return {...others, train: {...train, inputs}};
    };
    const recipe = {...recipeOf(teacher, [viewed]), data: texts};
    await expect(planStudy(recipe, {cache: (await places()).cache})).rejects.toThrow('the inputs are texts');
    const single = {...recipeOf(teacher, [mixed]), transfer: {size: 1}};
    await expect(compare(single, await places())).rejects.toThrow('Raise `transfer.size`');
    expect(teacher.queried).toEqual([]);
  });
});
