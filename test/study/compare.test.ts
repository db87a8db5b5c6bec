import {access, readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import {z} from 'zod';
import {degrade} from '../../src/ask/degrade.ts';
import {inputAt} from '../../src/data/inputs.ts';
import {draw} from '../../src/data/split.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {InputError, KnowledgeError} from '../../src/errors.ts';
import {loadKnowledge} from '../../src/knowledge/files.ts';
import {answerKey} from '../../src/knowledge/key.ts';
import {openAnswerStore} from '../../src/knowledge/store.ts';
import {featureHint} from '../../src/losses/feature-hint.ts';
import {softLabels} from '../../src/losses/soft-labels.ts';
import type {Method, Recipe} from '../../src/recipe/recipe.ts';
import {asTeacher} from '../../src/student/as-teacher.ts';
import {loadStudent} from '../../src/student/files.ts';
import {predictLogits} from '../../src/student/predict.ts';
import type {Student} from '../../src/student/student.ts';
import {compare} from '../../src/study/compare.ts';
import type {ResultRow, Results} from '../../src/study/results.ts';
import {studentPath} from '../../src/study/run.ts';
import type {StudyOptions, StudyProgress} from '../../src/study/study.ts';
import type {LogitsAnswer} from '../../src/teacher.ts';
import {
  callsOf,
  classes,
  folders,
  hashesOf,
  methods,
  spied,
  type TinyTeachers,
  tinyData,
  tinyModel,
  tinyRecipe,
  tinyTeachers,
  transferSize,
  withOtherLabels,
} from './tiny.ts';

const newFolder = folders();
let model: Student;

beforeAll(async () => {
  await startEngine();
  model = await tinyModel();
});

/** The options of a study in a folder of its own. */
async function places(folder?: string): Promise<{readonly directory: string; readonly cache: string}> {
  const root = folder ?? (await newFolder());
  return {directory: join(root, 'out'), cache: join(root, 'answers')};
}

/** The bytes of the weights that a run ended with. */
function weightsOf(directory: string, method: string, seed: number): Promise<Buffer> {
  return readFile(join(studentPath(directory, {method} as Method, seed), 'weights.bin'));
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
    const drawn = hashesOf(draw(tinyData().train, {size: transferSize}).inputs);
    for (const level of ['black-box', 'gray-box', 'white-box'] as const) {
      expect(teachers[level].questions.slice(0, transferSize)).toEqual(drawn);
      const {source, detail, inputs} = await loadKnowledge(join(where.directory, 'knowledge', `${level}.safetensors`));
      expect({access: source.access, asked: hashesOf(inputs)}).toEqual({access: level, asked: drawn});
      const kinds = {'black-box': 'label', 'gray-box': 'log-probabilities', 'white-box': 'logits'} as const;
      expect(detail.kind).toBe(kinds[level]);
    }
    const {bought, cached, calls, byLevel, evaluation} = results.ledger;
    expect({bought, cached, calls}).toEqual({bought: 3 * transferSize, cached: 0, calls: 15});
    expect(byLevel['gray-box']).toEqual({asked: transferSize, bought: transferSize, cached: 0, calls: 5});
    expect(evaluation).toEqual({asked: 30, bought: 30, cached: 0, calls: 4});
  });

  it('asks about the test split for measurement alone, and only the teacher that shows most', () => {
    const test = new Set(hashesOf(tinyData().test.inputs));
    const asked = (level: keyof TinyTeachers) => teachers[level].questions.map(question => test.has(question));
    expect(asked('black-box')).not.toContain(true);
    expect(asked('gray-box')).not.toContain(true);
    expect(asked('white-box').slice(0, transferSize)).not.toContain(true);
    expect(asked('white-box').slice(transferSize)).toEqual(new Array(30).fill(true));
  });

  it('saves students that answer as its rows say, worked out here anew', async () => {
    const {inputs, labels} = tinyData().test;
    const taught = await teacherLogits(model);
    for (const row of results.rows) {
      const student = await loadStudent(studentPath(where.directory, {method: row.method} as Method, row.seed));
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
    expect(madeBy).toEqual({recipe: 'tiny', level: 'gray-box', method: 'all, T=2', seed: 2});
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

describe('compare offline', () => {
  it('works from the cache, and after a deletion names what is missing and asks nobody', async () => {
    const where = await places();
    await compare(tinyRecipe(tinyTeachers(model), {seeds: [1]}), where);
    const again = {...where, directory: join(where.directory, 'again'), offline: true};
    const teachers = tinyTeachers(model);
    const recipe = tinyRecipe(teachers, {seeds: [1]});
    const {ledger} = await compare(recipe, again);
    expect(ledger).toMatchObject({bought: 0, calls: 0});

    const {inputs} = draw(tinyData().train, recipe.transfer);
    const key = answerKey(teachers['gray-box'].identity, {input: inputAt(inputs, 11)});
    const store = openAnswerStore({path: where.cache});
    expect(await store.delete(key)).toBe(true);
    await store.close();
    const failing = compare(recipe, again);
    await expect(failing).rejects.toThrow(KnowledgeError);
    await expect(failing).rejects.toThrow(new RegExp(`left 1 of ${transferSize} .*\\n  input 11: .*${key}.*--offline`));
    expect(callsOf(teachers)).toBe(0);
  });

  it('fails from an empty cache before it trains anything', async () => {
    const where = await places();
    await expect(compare(tinyRecipe(tinyTeachers(model)), {...where, offline: true})).rejects.toThrow(KnowledgeError);
    await expect(access(join(where.directory, 'students'))).rejects.toThrow('ENOENT');
  });
});

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
      const student = await loadStudent(studentPath(where.directory, {method: row.method} as Method, row.seed));
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
  });

  it('has a report all the same', async () => {
    const page = await readFile(join(where.directory, 'report.html'), 'utf8');
    expect(page).toContain('labels');
    expect(page).not.toMatch(/NaN|undefined|\[object/);
  });
});

describe('compare stopped in the middle', () => {
  it('keeps every answer that was bought, and the next run asks only for the others', async () => {
    const where = await places();
    const stop = new AbortController();
    const first = tinyTeachers(model);
    const gray = degrade(asTeacher(model, {maxBatch: 8}), {access: 'gray-box', detail: {kind: 'log-probabilities'}});
    const stopping = spied(gray, call => call === 3 && stop.abort());
    const recipe = tinyRecipe({...first, 'gray-box': stopping}, {seeds: [1]});
    await expect(compare(recipe, {...where, signal: stop.signal})).rejects.toThrow(/abort/);

    const store = openAnswerStore({path: where.cache});
    expect(await store.count()).toBe(first['black-box'].questions.length + stopping.questions.length);
    await store.close();

    const second = tinyTeachers(model);
    const {ledger} = await compare(tinyRecipe(second, {seeds: [1]}), where);
    expect(ledger.byLevel).toMatchObject({'black-box': {bought: 0}, 'gray-box': {bought: 16, cached: 24}});
    expect([second['black-box'].calls.count, second['gray-box'].calls.count]).toEqual([0, 2]);
    const asked = [...stopping.questions, ...second['gray-box'].questions];
    expect(new Set(asked).size).toBe(asked.length);
    expect(asked).toHaveLength(transferSize);
  });

  it('stops between the batches of a teacher that computes in this very process', async () => {
    const stop = new AbortController();
    const teachers = tinyTeachers(model);
    const white = spied(asTeacher(model, {maxBatch: 1}));
    const recipe = tinyRecipe({...teachers, 'white-box': white}, {methods: methods.slice(4), seeds: [1]});
    let begun = false;
    const onProgress = ({task, done}: StudyProgress): void => {
      if (task !== 'ask white-box' || done === 0 || begun) return;
      begun = true;
      // As a signal comes: when the process has its turn, and not before.
      setImmediate(() => stop.abort());
    };
    const options = {...(await places()), signal: stop.signal, onProgress} satisfies StudyOptions;
    await expect(compare(recipe, options)).rejects.toThrow(/abort/);
    expect(white.questions.length).toBeLessThan(transferSize);
  });

  it('stops in the middle of training too', async () => {
    const stop = new AbortController();
    const where = await places();
    const onProgress = ({task, done}: StudyProgress): void => {
      // Two students are done, and the third is at work.
      if (task.startsWith('train') && done > 2.3) stop.abort();
    };
    const options = {...where, signal: stop.signal, onProgress};
    await expect(compare(tinyRecipe(tinyTeachers(model)), options)).rejects.toThrow(/abort/);
    await access(studentPath(where.directory, {method: 'truth'} as Method, 2));
    await expect(access(studentPath(where.directory, {method: 'labels'} as Method, 1))).rejects.toThrow('ENOENT');
    await expect(access(join(where.directory, 'results.json'))).rejects.toThrow('ENOENT');
  });
});

/** The form of results.json that readers may count on; what else it holds is there for the report. */
const rate = z.number().min(0).max(1);
const unless = <T extends z.ZodType>(schema: T) => schema.nullable();
const resultsFile = z.object({
  schema: z.literal('limbeck.results/1'),
  engine: z.object({name: z.enum(['native', 'wasm']), version: z.string().min(1)}),
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

/** The teacher's logits on the test split, asked without any layer between. */
async function teacherLogits(student: Student): Promise<number[][]> {
  const {inputs} = tinyData().test;
  const questions = Array.from({length: inputs.count}, (_, index) => ({input: inputAt(inputs, index)}));
  const outcomes = await asTeacher(student).ask(questions);
  return outcomes.map(outcome => [...(outcome as {answer: LogitsAnswer}).answer.logits]);
}

function rowsOf(logits: Float32Array): number[][] {
  return Array.from({length: logits.length / 3}, (_, row) => [...logits.subarray(row * 3, row * 3 + 3)]);
}

const best = (row: readonly number[]): number => row.indexOf(Math.max(...row));

function softmax(row: readonly number[]): number[] {
  const exponentials = row.map(logit => Math.exp(logit - Math.max(...row)));
  const sum = exponentials.reduce((all, value) => all + value, 0);
  return exponentials.map(value => value / sum);
}

/** The measures of a row, straight from their definitions. */
function measure(said: readonly number[][], taught: readonly number[][], labels: Int32Array): Record<string, unknown> {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [q, p] = [said.map(softmax), taught.map(softmax)];
  const right = q.map((row, index) => (best(row) === labels[index] ? 1 : 0) as number);
  const confidence = q.map(row => Math.max(...row));
  const gaps = Array.from({length: 15}, (_, bin) => {
    const inside = [...q.keys()].filter(index => Math.ceil(confidence[index]! * 15) - 1 === bin);
    if (inside.length === 0) return 0;
    return (
      (inside.length / q.length) * Math.abs(mean(inside.map(i => right[i]!)) - mean(inside.map(i => confidence[i]!)))
    );
  });
  const values = {
    accuracy: mean(right),
    agreement: mean(q.map((row, index) => (best(row) === best(p[index]!) ? 1 : 0))),
    klToTeacher: mean(p.map((row, index) => row.reduce((sum, pc, c) => sum + pc * Math.log(pc / q[index]![c]!), 0))),
    nll: mean(q.map((row, index) => -Math.log(row[labels[index]!]!))),
    ece: gaps.reduce((sum, gap) => sum + gap, 0),
    brier: mean(q.map((row, index) => row.reduce((sum, qc, c) => sum + (qc - (labels[index] === c ? 1 : 0)) ** 2, 0))),
    entropy: mean(q.map(row => -row.reduce((sum, qc) => sum + qc * Math.log(qc), 0))),
  };
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, expect.closeTo(value, 6)]));
}
