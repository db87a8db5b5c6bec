import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import {z} from 'zod';
import {drawExamples} from '../../src/data/split.ts';
import {loadKnowledge} from '../../src/knowledge/files.ts';
import {softLabels} from '../../src/losses/soft-labels.ts';
import type {Recipe} from '../../src/recipe/recipe.ts';
import {loadStudent} from '../../src/student/files.ts';
import {predictLogits} from '../../src/student/predict.ts';
import {compare} from '../../src/study/compare.ts';
import {readResults} from '../../src/study/read-results.ts';
import type {ResultRow, Results} from '../../src/study/results.ts';
import type {StudyProgress} from '../../src/study/study.ts';
import {best, measure, rowsOf, teacherLogits} from './measures.ts';
import {
  callsOf,
  hashesOf,
  methods,
  startedTinyModel,
  studentFolder,
  studyPlaces,
  type TinyTeachers,
  tinyData,
  tinyRecipe,
  tinyTeachers,
  transferSize,
  withOtherLabels,
} from './tiny.ts';

const places = studyPlaces();
const model = await startedTinyModel();

/** The bytes of the weights that a run ended with. */
function weightsOf(directory: string, method: string, seed: number): Promise<Buffer> {
  return readFile(join(studentFolder(directory, method, seed), 'weights.bin'));
}

describe('compare', () => {
  let where: {readonly directory: string; readonly cache: string};
  let teachers: TinyTeachers;
  let results: Results;
  const progress: StudyProgress[] = [];

  beforeAll(async () => {
    where = await places();
    teachers = tinyTeachers(model);
    results = await compare(tinyRecipe(teachers), {...where, onProgress: step => progress.push(step)});
  });

  it('has a row for every method and seed, in the order of the recipe, with what it learned from', () => {
    const expected = methods.flatMap(({level, method}) =>
      [1, 2].map(seed => ({level, method, seed, budget: transferSize})),
    );
    expect(results.rows).toMatchObject(expected);
    expect(results.rows).toHaveLength(expected.length);
    expect(results.methods.map(({method}) => method)).toEqual(methods.map(({method}) => method));
  });

  it('asks each level once about the same inputs, at the fullest detail that its methods need', async () => {
    const drawn = hashesOf(drawExamples(tinyData().train, {size: transferSize}).inputs);
    for (const level of ['black-box', 'gray-box', 'white-box'] as const) {
      // Which batch is asked first is nobody's promise.
      expect(teachers[level].queried.slice(0, transferSize).sort()).toEqual([...drawn].sort());
      const {source, detail, inputs} = await loadKnowledge(join(where.directory, 'knowledge', `${level}.safetensors`));
      expect({access: source.access, asked: hashesOf(inputs)}).toEqual({access: level, asked: drawn});
      const kinds = {'black-box': 'label', 'gray-box': 'log-probabilities', 'white-box': 'logits'} as const;
      expect(detail.kind).toBe(kinds[level]);
    }
    const {bought, cached, calls, byLevel, evaluation} = results.ledger;
    expect({bought, cached, calls}).toEqual({bought: 3 * transferSize, cached: 0, calls: 15});
    expect(byLevel['gray-box']).toMatchObject({asked: transferSize, bought: transferSize, cached: 0, calls: 5});
    expect(evaluation).toMatchObject({asked: 30, bought: 30, cached: 0, calls: 4});
  });

  it('asks about the test split for measurement alone, and only the teacher that shows most', () => {
    const test = new Set(hashesOf(tinyData().test.inputs));
    const asked = (level: keyof TinyTeachers) => teachers[level].queried.map(question => test.has(question));
    expect(asked('black-box')).not.toContain(true);
    expect(asked('gray-box')).not.toContain(true);
    expect(asked('white-box').slice(0, transferSize)).not.toContain(true);
    // Then about some of them again, to measure how fast it answers.
    expect(new Set(asked('white-box').slice(transferSize))).toEqual(new Set([true]));
  });

  it('saves students that answer as its rows say, worked out here anew', async () => {
    const {inputs, labels} = tinyData().test;
    const taught = await teacherLogits(model);
    for (const row of results.rows) {
      const student = await loadStudent(studentFolder(where.directory, row.method, row.seed));
      const said = rowsOf(await predictLogits(student, inputs));
      expect(row).toMatchObject(measure(said, taught, labels));
    }
    const right = taught.filter((logits, index) => best(logits) === labels[index]).length;
    expect(results.teacher.accuracy).toBeCloseTo(right / labels.length, 12);
    expect(right).toBeLessThan(labels.length);
  });

  it('says how each student came to be, in the folder that it is saved in', async () => {
    const path = join(where.directory, 'students', 'all-T=2', 'seed-2', 'limbeck.json');
    const {madeBy} = JSON.parse(await readFile(path, 'utf8')) as {readonly madeBy: object};
    expect(madeBy).toEqual({
      ...{recipe: 'tiny', level: 'gray-box', method: 'all, T=2', seed: 2, answers: 40},
      teacher: {access: 'gray-box', adapters: ['tfjs'], models: [], identity: expect.stringMatching(/^[\da-f]{64}$/)},
    });
  });

  it('keeps the curve of every run, validation measured as often as the recipe says', () => {
    for (const {curve} of results.rows) {
      expect(curve.map(({epoch, step}) => [epoch, step])).toEqual([
        [1, 3],
        [2, 6],
        [3, 9],
      ]);
      expect(curve.map(({validationAccuracy}) => validationAccuracy === null)).toEqual([true, false, false]);
    }
  });

  it('tells how far it is, from the start of each task to its end', () => {
    const tasks = byTask(progress);
    expect([...tasks.keys()]).toEqual([
      'ask black-box',
      'ask gray-box',
      'ask white-box',
      'ask white-box about the test split',
      'train 10 students',
    ]);
    for (const [task, steps] of tasks) {
      const done = steps.map(step => step.done);
      expect(done).toEqual([...done].sort((one, other) => one - other));
      expect(steps.at(-1)!.done).toBe(steps.at(-1)!.total);
      // A task that waits for its first answers is seen to have begun.
      if (task.startsWith('ask')) expect(steps[0]!.done).toBe(0);
    }
  });

  it('writes what it returns, in the form that others read', async () => {
    const file = JSON.parse(await readFile(join(where.directory, 'results.json'), 'utf8')) as unknown;
    expect(file).toEqual(JSON.parse(JSON.stringify(results)));
    expect(resultsFile.safeParse(file).error).toBeUndefined();
    expect((file as Results).rows[0]!.klToTeacher).toBeGreaterThan(0);
    expect(results).toMatchObject(await readResults(where.directory));
    const csv = await readFile(join(where.directory, 'results.csv'), 'utf8');
    expect(csv.trim().split('\n')).toHaveLength(1 + results.rows.length);
    const markdown = await readFile(join(where.directory, 'results.md'), 'utf8');
    for (const {method} of results.methods) expect(markdown).toContain(method);
  });

  it('sets every method against the first that learns from labels alone', () => {
    const agreement = (name: string) => {
      const rows = results.rows.filter(({method}) => method === name);
      return rows.reduce((sum, row) => sum + row.agreement, 0) / rows.length;
    };
    for (const {method, versusLabels} of results.methods) {
      if (method === 'labels') expect(versusLabels).toBeUndefined();
      else {
        const difference = agreement(method) - agreement('labels');
        expect(versusLabels).toMatchObject({baseline: 'labels', difference: expect.closeTo(difference, 12)});
        const [low, high] = versusLabels!.interval;
        expect(low <= difference && difference <= high).toBe(true);
      }
    }
  });

  it('writes a report that names every method', async () => {
    const page = await readFile(join(where.directory, 'report.html'), 'utf8');
    for (const {method} of methods) expect(page).toContain(method);
  });

  it('buys nothing and asks nobody the second time, whatever the folder', async () => {
    const fresh = tinyTeachers(model);
    const {directory} = await places();
    const second = await compare(tinyRecipe(fresh), {directory, cache: where.cache});
    expect(callsOf(fresh)).toBe(0);
    const nothing = {bought: 0, calls: 0};
    expect(second.ledger).toMatchObject({...nothing, cached: 3 * transferSize, evaluation: {...nothing, cached: 30}});
    expect(second.rows.map(withoutTime)).toEqual(results.rows.map(withoutTime));
  });
});

describe('the pairs of compare', () => {
  it('start from the same weights and see the same batches: methods that differ in name alone end the same to the bit', async () => {
    const {directory, cache} = await places();
    const twins = [
      {level: 'gray-box', method: 'one', losses: [softLabels({temperature: 2})]},
      {level: 'gray-box', method: 'other', losses: [softLabels({temperature: 2})]},
    ] as const;
    const {rows} = await compare(tinyRecipe(tinyTeachers(model), {methods: twins}), {directory, cache});
    const [one, ...others] = rows.map(row => ({...withoutTime(row), method: ''}));
    expect(others[1]).toEqual(one);
    expect(await weightsOf(directory, 'other', 1)).toEqual(await weightsOf(directory, 'one', 1));
    expect(await weightsOf(directory, 'one', 2)).not.toEqual(await weightsOf(directory, 'one', 1));
  });

  it('learn from their teachers alone: other true labels change no bit of a student that is not taught by them', async () => {
    const [one, other] = [await places(), await places()];
    const data = () => withOtherLabels(tinyData());
    await compare(tinyRecipe(tinyTeachers(model)), one);
    await compare(tinyRecipe(tinyTeachers(model), {data}), other);
    for (const {level, method} of methods) {
      const [before, after] = [await weightsOf(one.directory, method, 1), await weightsOf(other.directory, method, 1)];
      expect(after.equals(before)).toBe(level !== 'none');
    }
  });
});

describe('compare with a teacher whose provider forbids to train on its answers', () => {
  const forbidden = (changes: Partial<Recipe> = {}) => {
    const teachers = tinyTeachers(model);
    const recipe = tinyRecipe(teachers, changes);
    const service = {account: 'https://api.typesafe.ai 12ab', reader: 1, read: () => []};
    const gray = () => ({...teachers['gray-box'], service});
    return {recipe: {...recipe, teachers: {...recipe.teachers, 'gray-box': gray}}, calls: () => callsOf(teachers)};
  };

  it('stops before anybody is asked, also about another level', async () => {
    const {recipe, calls} = forbidden();
    await expect(compare(recipe, await places())).rejects.toThrow(/TypeSafe forbid .*2\.3\(b\)/);
    expect(calls()).toBe(0);
  });

  it('asks with permission, of the recipe or of an option', async () => {
    for (const [changes, options] of [[{hasPermission: true}, {}] as const, [{}, {hasPermission: true}] as const]) {
      const {recipe, calls} = forbidden({...changes, seeds: [1]});
      const {failures} = await compare(recipe, {...(await places()), ...options});
      expect(failures).toEqual([]);
      expect(calls()).toBeGreaterThan(0);
    }
  });
});

describe('compare with a black box alone', () => {
  let where: {readonly directory: string; readonly cache: string};
  let results: Results;

  beforeAll(async () => {
    where = await places();
    const {'black-box': blackBox} = tinyTeachers(model);
    const kept = methods.filter(({level}) => level === 'none' || level === 'black-box');
    results = await compare(tinyRecipe({'black-box': blackBox}, {methods: kept}), where);
  });

  it('measures what can be measured of labels, and writes null for the rest', async () => {
    const taught = await teacherLogits(model);
    const {inputs} = tinyData().test;
    for (const row of results.rows) {
      const student = await loadStudent(studentFolder(where.directory, row.method, row.seed));
      const same = rowsOf(await predictLogits(student, inputs)).filter(
        (said, index) => best(said) === best(taught[index]!),
      );
      expect(row.agreement).toBeCloseTo(same.length / inputs.count, 12);
    }
    const file = JSON.parse(await readFile(join(where.directory, 'results.json'), 'utf8')) as Results;
    expect(resultsFile.safeParse(file).error).toBeUndefined();
    expect(file.rows.map(({klToTeacher}) => klToTeacher)).toEqual([null, null, null, null]);
    expect(file.teacher).toMatchObject({nll: null, ece: null});
    expect(file.teacher.accuracy).toBeGreaterThan(0.5);
    expect(results).toMatchObject(await readResults(where.directory));
  });

  it('has a report all the same', async () => {
    const page = await readFile(join(where.directory, 'report.html'), 'utf8');
    expect(page).toContain('labels');
    expect(page).not.toMatch(/NaN|undefined|\[object/);
  });
});

/** The form of results.json that readers may count on; what else it holds is there for the report. */
const rate = z.number().min(0).max(1);
const unless = <T extends z.ZodType>(schema: T) => schema.nullable();
const resultsFile = z.object({
  schema: z.literal('limbeck.results/1'),
  engine: z.object({
    name: z.enum(['native', 'wasm']),
    version: z.string().min(1),
    threads: z.number().int().positive(),
  }),
  versions: z.object({limbeck: z.string().regex(/^\d+\.\d+\.\d+/), node: z.string().regex(/^\d+\./)}),
  teacher: z.object({accuracy: rate}),
  ledger: z.object({asked: z.int(), bought: z.int(), cached: z.int()}),
  rows: z
    .array(
      z.object({
        level: z.enum(['none', 'black-box', 'gray-box', 'white-box']),
        method: z.string().min(1),
        seed: z.int(),
        budget: z.int().min(1),
        accuracy: rate,
        agreement: rate,
        klToTeacher: unless(z.number().min(0)),
        nll: z.number().min(0),
        ece: rate,
      }),
    )
    .min(1),
});

function withoutTime({seconds: _, ...row}: ResultRow): Omit<ResultRow, 'seconds'> {
  return row;
}

function byTask(progress: readonly StudyProgress[]): Map<string, StudyProgress[]> {
  const tasks = new Map<string, StudyProgress[]>();
  for (const step of progress) tasks.set(step.task, [...(tasks.get(step.task) ?? []), step]);
  return tasks;
}
