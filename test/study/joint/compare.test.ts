import {readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import {callable} from '../../../adapters/callable.ts';
import {argmaxRows} from '../../../src/data/arrays.ts';
import {inputAt, selectInputs} from '../../../src/data/inputs.ts';
import type {Dataset} from '../../../src/data/split.ts';
import {crop} from '../../../src/data/view.ts';
import {startEngine} from '../../../src/engine/engine.ts';
import {jointAgreement} from '../../../src/evaluate/metrics.ts';
import {mean} from '../../../src/evaluate/statistics.ts';
import {hardLabels} from '../../../src/losses/hard-labels.ts';
import {softLabels} from '../../../src/losses/soft-labels.ts';
import type {Question} from '../../../src/question.ts';
import {choice, predicate, score} from '../../../src/questions.ts';
import {defineRecipe} from '../../../src/recipe/define.ts';
import type {Recipe} from '../../../src/recipe/recipe.ts';
import {loadStudent} from '../../../src/student/files.ts';
import {headOf} from '../../../src/student/heads.ts';
import {mlp} from '../../../src/student/mlp.ts';
import {predictLogits} from '../../../src/student/predict.ts';
import {compare} from '../../../src/study/compare.ts';
import {compareQuestions} from '../../../src/study/joint/compare.ts';
import {readQuestionsResults} from '../../../src/study/joint/files.ts';
import type {QuestionsResults} from '../../../src/study/joint/results.ts';
import {readResults} from '../../../src/study/read-results.ts';
import type {Input} from '../../../src/teacher.ts';
import {studyPlaces, tinyData} from '../tiny.ts';

beforeAll(startEngine);

const places = studyPlaces();
const data = tinyData();
const column = choice('column', 'Which column is bright?', data.classes);
const isBright = predicate('bright', 'Is the image bright?');
const light = score('light', 'How much light is there?', ['little', 'some', 'much']);
const questions = [column, isBright, light];

const sumOf = (input: Input): number => {
  if (input.kind !== 'tensor') throw new Error('Expected an image.');
  return Array.from(input.data).reduce((sum, value) => sum + value, 0);
};
const sums = Array.from({length: data.train.inputs.count}, (_, row) => sumOf(inputAt(data.train.inputs, row)));
const ordered = sums.toSorted((one, other) => one - other);
const [low, high] = [ordered[Math.floor(sums.length / 3)]!, ordered[Math.floor((2 * sums.length) / 3)]!];

function labelOf(question: Question, input: Input): number {
  const sum = sumOf(input);
  if (question === isBright) return sum > ordered[Math.floor(sums.length / 2)]! ? 1 : 0;
  if (question === light) return sum > high ? 2 : sum > low ? 1 : 0;
  if (input.kind !== 'tensor') throw new Error('Expected an image.');
  const side = input.shape[1]!;
  const columns = data.classes.map((_, at) => {
    const values = Array.from(input.data).filter((_, pixel) => Math.floor(((pixel % side) * 3) / side) === at);
    return values.reduce((total, value) => total + value, 0);
  });
  return columns.indexOf(Math.max(...columns));
}

/** A teacher that refuses to say how much light there is in every tenth image. */
function teacherOf(calls: Input[], refuses = false) {
  const sure = (question: Question, input: Input, classes: number) =>
    Array.from({length: classes}, (_, at) => (at === labelOf(question, input) ? 0.9 : 0.1 / (classes - 1)));
  return callable({
    name: 'made up',
    version: refuses ? 'refusing' : '1',
    questions,
    scores: 'probabilities',
    answer(input) {
      calls.push(input);
      const isRefused = refuses && sumOf(input) % 10 === 0;
      return {
        column: sure(column, input, 3),
        bright: sure(isBright, input, 2)[1]!,
        light: isRefused ? new Error('No.') : sure(light, input, 3),
      };
    },
  });
}

function dataFor(question: Question | undefined): Dataset {
  const relabelled = <S extends {inputs: Dataset['train']['inputs']}>(split: S) => ({
    ...split,
    labels: Int32Array.from({length: split.inputs.count}, (_, row) => labelOf(question!, inputAt(split.inputs, row))),
  });
  const {train, validation, test} = data;
  const classes =
    question === column ? data.classes : question === isBright ? ['no', 'yes'] : ['little', 'some', 'much'];
  return {classes, train: relabelled(train), validation: relabelled(validation), test: relabelled(test)};
}

const recipeOf = (calls: Input[], changes: Partial<Recipe> = {}, refuses = false): Recipe =>
  defineRecipe({
    name: 'several',
    questions,
    data: dataFor,
    transfer: {size: 40},
    teachers: {'gray-box': () => teacherOf(calls, refuses)},
    student: mlp({units: [16]}),
    methods: [
      {level: 'none', method: 'truth', losses: [hardLabels()]},
      {level: 'gray-box', method: 'soft', losses: [softLabels({temperature: 1})]},
      {level: 'gray-box', method: 'copy', losses: [softLabels({temperature: 1})]},
    ],
    seeds: [1, 2],
    training: {epochs: 20},
    ...changes,
  });

describe('a study of several questions', () => {
  const calls: Input[] = [];
  let where: {readonly directory: string; readonly cache: string};
  let results: QuestionsResults;

  beforeAll(async () => {
    where = await places();
    results = await compareQuestions(recipeOf(calls), where);
  });

  it('asks all questions about an input at once', () => {
    const {test} = data;
    expect(calls).toHaveLength(40 + test.inputs.count);
    const [first, ...others] = results.questions.map(({results: own}) => own.ledger);
    expect(first!.bought).toBeGreaterThan(0);
    for (const level of others) expect(level.bought).toBe(0);
  });

  it('has the whole results of each question, in a folder of its own', async () => {
    expect(results.questions.map(({question}) => question)).toEqual(questions);
    for (const [index, {directory, results: own}] of results.questions.entries()) {
      const question = questions[index]!;
      expect(directory).toBe(join(where.directory, 'questions', question.name));
      expect(own.classes).toEqual(dataFor(question).classes);
      expect(own.rows).toHaveLength(6);
      const written = JSON.parse(await readFile(join(directory, 'results.json'), 'utf8'));
      expect(written).toMatchObject({name: 'several', rows: own.rows.map(({agreement}) => ({agreement}))});
      expect(await readFile(join(directory, 'report.html'), 'utf8')).toContain('<html');
    }
  });

  it('measures heads of one student, saved whole and one by one', async () => {
    const whole = await loadStudent(join(where.directory, 'students', 'soft', 'seed-2'));
    expect(whole.heads!.map(({question}) => question)).toEqual(questions);
    for (const {question, directory} of results.questions) {
      const one = await loadStudent(join(directory, 'students', 'soft', 'seed-2'));
      const inputs = selectInputs(data.test.inputs, [0, 1, 2]);
      expect(await predictLogits(one, inputs)).toEqual(await predictLogits(headOf(whole, question.name), inputs));
    }
  });

  it('measures what each head answers by itself', async () => {
    const {inputs} = data.test;
    for (const [index, {directory, results: own}] of results.questions.entries()) {
      const question = questions[index]!;
      const student = await loadStudent(join(directory, 'students', 'soft', 'seed-2'));
      const named = argmaxRows(await predictLogits(student, inputs), own.classes.length);
      const agreement = mean(Array.from(named, (at, row) => (at === labelOf(question, inputAt(inputs, row)) ? 1 : 0)));
      expect(own.rows[3]).toMatchObject({method: 'soft', seed: 2, agreement});
    }
  });

  it('measures predicates and scores as such, against the teacher', () => {
    const [ofColumn, ofBright, ofLight] = results.questions;
    const agreements = (index: number) => results.questions[index]!.results.rows.map(({agreement}) => agreement);
    expect(ofColumn!.measures).toMatchObject(agreements(0).map(agreement => ({type: 'choice', agreement})));
    expect(ofBright!.measures).toMatchObject(agreements(1).map(agreement => ({type: 'predicate', agreement})));
    for (const own of ofLight!.measures) {
      expect(own).toMatchObject({type: 'score', answered: data.test.inputs.count, exact: expect.any(Number)});
      if (own.type === 'score') expect(own.withinOne).toBeGreaterThanOrEqual(own.exact);
    }
  });

  it('tells how often all answers about an input agree', async () => {
    const [, soft] = results.joint;
    const each = results.questions.map(({results: own}) => mean(own.rows.slice(2, 4).map(({agreement}) => agreement)));
    expect(soft).toMatchObject({level: 'gray-box', method: 'soft', inputs: data.test.inputs.count});
    expect(soft!.agreement).toBeLessThanOrEqual(Math.min(...each));
    // The union bound.
    expect(soft!.agreement).toBeGreaterThanOrEqual(1 - each.reduce((sum, one) => sum + 1 - one, 0) - 1e-9);
    expect(JSON.parse(await readFile(join(where.directory, 'joint.json'), 'utf8'))).toMatchObject({
      schema: 'limbeck.joint/1',
      questions: questions.map(({name, type}) => ({name, type, directory: join('questions', name)})),
      joint: results.joint,
    });
    const {inputs} = data.test;
    const named = await Promise.all(
      results.questions.map(async ({directory, results: {classes}}) => {
        const student = await loadStudent(join(directory, 'students', 'soft', 'seed-2'));
        return argmaxRows(await predictLogits(student, inputs), classes.length);
      }),
    );
    const cells = <T>(cell: (row: number, question: number) => T) =>
      Array.from({length: inputs.count}, (_, row) => questions.map((_, question) => cell(row, question))).flat();
    const taught = cells((row, question) => labelOf(questions[question]!, inputAt(inputs, row)));
    const {agreement} = jointAgreement(
      taught,
      cells((row, question) => named[question]![row]!),
      questions.length,
    );
    expect(soft!.seeds[1]).toEqual({seed: 2, agreement});
  });

  it('judges every pair of methods by it: a copy shows no difference', () => {
    const [truth, soft] = results.joint;
    expect(results.verdicts.map(({a, b, budget}) => [a, b, budget])).toEqual([
      ['truth', 'soft', 40],
      ['truth', 'copy', 40],
      ['soft', 'copy', 40],
    ]);
    const [other, , copy] = results.verdicts;
    expect(other!.difference).toBeCloseTo(truth!.agreement - soft!.agreement);
    expect(other).toMatchObject({measure: 'agreement', detectable: expect.any(Number)});
    expect(copy).toMatchObject({difference: 0, adjustedP: 1, verdict: 'no difference shown'});
    expect(copy!.low).toBeLessThan(0);
    expect(copy!.high).toBeGreaterThan(0);
  });

  it('is read back as it was, and not if a question has other results by now', async () => {
    const read = await readQuestionsResults(where.directory);
    const {questions: all, ...joint} = JSON.parse(JSON.stringify(results)) as QuestionsResults;
    // The file has more about the teacher than its type says.
    expect({...joint, questions: all}).toMatchObject(JSON.parse(JSON.stringify(read)));
    expect(read.questions.map(one => one.measures)).toEqual(results.questions.map(one => one.measures));
    await expect(readResults(where.directory)).rejects.toThrow('a study of several questions');
    const path = join(where.directory, 'questions', 'light', 'results.json');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace(/"finishedAt": "[^"]+"/, '"finishedAt": "2025-01-01T00:00:00.000Z"'));
    await expect(readQuestionsResults(where.directory)).rejects.toThrow('is not of the same run as the results in');
    await writeFile(path, text);
  });

  it('is written as a table of its students, and as Markdown', async () => {
    const [csv, markdown] = await Promise.all(
      ['joint.csv', 'joint.md'].map(name => readFile(join(where.directory, name), 'utf8')),
    );
    const [head, ...lines] = csv!.trim().split('\n');
    expect(head).toBe('level,method,seed,budget,jointAgreement,column,bright,light');
    expect(lines).toHaveLength(6);
    const [row] = results.questions.map(({results: own}) => own.rows[0]!.agreement).map(String);
    expect(lines[0]).toMatch(new RegExp(`^none,truth,1,40,${results.joint[0]!.seeds[0]!.agreement},${row},`));
    expect(markdown).toContain('| soft | no difference shown | copy | 40 |');
    expect(markdown).toContain('Question light (score):');
  });

  it('asks and trains nothing again, and comes to the same numbers', async () => {
    const before = calls.length;
    const steps: string[] = [];
    const again = await compareQuestions(recipeOf(calls), {...where, onProgress: ({task}) => steps.push(task)});
    expect(calls).toHaveLength(before);
    expect(again.joint).toEqual(results.joint);
    expect(
      again.questions.map(({results: own}) => own.rows.map(({seconds, agreement}) => [seconds, agreement])),
    ).toEqual(results.questions.map(({results: own}) => own.rows.map(({seconds, agreement}) => [seconds, agreement])));
  });
});

describe('a study beside an earlier one', () => {
  it('compares each question and the agreement on all with it', async () => {
    const [first, second] = [await places(), await places()];
    const changes = {methods: [recipeOf([]).methods[1]!]};
    const earlier = await compareQuestions(recipeOf([], changes), first);
    const own = {...second, cache: first.cache, against: first.directory};
    const later = await compareQuestions(recipeOf([], {...changes, seeds: [1, 3]}), own);
    expect(later.earlier).toMatchObject({name: 'several', finishedAt: earlier.finishedAt});
    expect(later.earlier!.differences).toEqual(['Not the same in both studies: the seeds.']);
    const [change] = later.earlier!.changes;
    expect(later.earlier!.changes).toHaveLength(1);
    expect(change).toMatchObject({
      ...{method: 'soft', budget: 40, measure: 'agreement'},
      before: {mean: earlier.joint[0]!.agreement},
      after: {mean: later.joint[0]!.agreement},
    });
    for (const {results: each} of later.questions) expect(each.earlier!.finishedAt).toMatch(/^20/);
    expect(await readFile(join(second.directory, 'joint.md'), 'utf8')).toContain('Beside the earlier study');
    expect(await readFile(join(second.directory, 'report.html'), 'utf8')).toContain('id="figure-earlier"');
    const fewer = recipeOf([], {...changes, questions: [column, isBright]});
    const {earlier: beside} = await compareQuestions(fewer, {...own, directory: join(second.directory, 'fewer')});
    expect(beside).toMatchObject({changes: []});
    expect(beside!.differences.slice(0, 2)).toEqual([
      'Only the earlier study asks “light”.',
      'Agreement on all questions is not compared: the questions or their classes differ.',
    ]);
    const one = {...own, against: join(first.directory, 'questions', 'light')};
    await expect(compareQuestions(fewer, one)).rejects.toThrow('light is no study of several questions');
  });
});

describe('a study of several budgets', () => {
  it('judges agreement on all questions at each and over both', async () => {
    const methods = recipeOf([]).methods.slice(0, 2);
    const changes = {methods, budgets: [20, 40], training: {steps: 40}};
    const {budgets, joint, verdicts} = await compareQuestions(recipeOf([], changes), await places());
    expect(budgets!.sizes).toEqual([20, 40]);
    const pairs = (joint.length * (joint.length - 1)) / 2;
    const at = (budget: number | 'curve') => verdicts.filter(one => one.budget === budget);
    expect([at('curve'), at(20), at(40)].map(own => own.length)).toEqual([pairs, pairs, pairs]);
    const largest = budgets!.rows.filter(({budget}) => budget === 40);
    expect(largest.map(({method, seed, agreement}) => [method, seed, agreement])).toEqual(
      joint.flatMap(({method, seeds}) => seeds.map(({seed, agreement}) => [method, seed, agreement])),
    );
    expect(budgets!.rows).toHaveLength(joint.length * 2 * 2);
  });
});

describe('several questions', () => {
  it('are learned from the inputs that have an answer to each, and calibrated each for itself', async () => {
    const where = await places();
    const calibration = {folds: 2, agreement: 0.5, confidence: 0.8};
    const changes = {calibration, seeds: [1], methods: [recipeOf([]).methods[1]!], transfer: {size: 60}};
    const results = await compareQuestions(recipeOf([], changes, true), {...where, allowMissing: 0.5});
    const [, , dim] = results.questions;
    expect(dim!.results.missing!.transfer.count).toBeGreaterThan(0);
    const {count: some, total} = dim!.results.missing!.test;
    expect(results.missing).toEqual({none: 0, some, total});
    expect(results.joint[0]!.inputs).toBe(total);
    // One method is compared with no other.
    expect(results.verdicts).toEqual([]);
    const whole = await loadStudent(join(where.directory, 'students', 'soft', 'seed-1'));
    const temperatures = whole.heads!.map(head => head.calibration!.temperature);
    expect(new Set(temperatures).size).toBeGreaterThan(1);
    for (const {calibration: own} of whole.heads!) expect(own).toMatchObject({guarantee: {agreement: 0.5}});
  });

  it('are validated together, each with a curve of its own, and stop early', async () => {
    const training = {epochs: 40, earlyStopping: {patience: 2}, questionWeights: {light: 2}};
    const methods = [recipeOf([]).methods[1]!];
    const results = await compareQuestions(recipeOf([], {seeds: [1], methods, training}), await places());
    const curves = results.questions.map(({results: own}) => own.rows[0]!.curve);
    expect(curves[0]!.length).toBeLessThan(40);
    const means = curves[0]!.map((_, at) => {
      const [ofColumn, ofBright, ofLight] = curves.map(curve => curve[at]!.validationAccuracy!);
      return (ofColumn! + ofBright! + 2 * ofLight!) / 4;
    });
    expect(means.length - 1 - means.indexOf(Math.max(...means))).toBe(2);
    expect(new Set(curves.map(curve => curve[0]!.loss)).size).toBe(3);
    const fits = results.questions.map(({results: own}) => own.rows[0]!.fit!.trainingAgreement);
    expect(new Set(fits).size).toBeGreaterThan(1);
  });

  it('choose one of several students for all, by the mean of what they agree on', async () => {
    const where = await places();
    const student = [mlp({units: []}), mlp({units: [16]})];
    const changes = {student, seeds: [1], methods: [recipeOf([]).methods[1]!], calibration: {folds: 2}};
    const results = await compareQuestions(recipeOf([], changes), where);
    const choices = results.questions.map(({results: own}) => own.rows[0]!.choice!);
    expect(choices[0]!.candidates).toHaveLength(2);
    for (const choice of choices) expect(choice).toEqual(choices[0]);
    const {chosen, candidates} = choices[0]!;
    expect(candidates[chosen]!.agreement).toBe(Math.max(...candidates.map(({agreement}) => agreement)));
    const {model} = await loadStudent(join(where.directory, 'students', 'soft', 'seed-1'));
    expect(model.countParams()).toBe(candidates[chosen]!.parameters);
  });

  it('are learned from views that the teacher answers beforehand, all questions at once', async () => {
    const calls: Input[] = [];
    const views = {view: crop({padding: 1}), count: 2};
    const methods = [
      {...recipeOf([]).methods[0]!, views: {view: crop({padding: 1})}},
      {...recipeOf([]).methods[1]!, views},
    ];
    const results = await compareQuestions(recipeOf(calls, {seeds: [1], methods}), await places());
    // Some views of an input are equal.
    expect(calls.length).toBeGreaterThan(100);
    expect(new Set(calls.map(input => input.kind === 'tensor' && input.data.join())).size).toBe(calls.length);
    for (const {results: own} of results.questions) expect(own.rows.map(({budget}) => budget)).toEqual([40, 120]);
  });

  it('are refused by `compare`, and other data for each of them are refused', async () => {
    const where = await places();
    await expect(compare(recipeOf([]), where)).rejects.toThrow('compareQuestions()');
    const uneven = recipeOf([], {
      data: question => {
        const made = dataFor(question);
        return question === light ? {...made, test: {...made.validation, role: 'test'}} : made;
      },
    });
    await expect(compareQuestions(uneven, where)).rejects.toThrow('other inputs for `light` than for `column`');
    const calls: Input[] = [];
    const turned = recipeOf(calls, {
      data: question => {
        const made = dataFor(question);
        if (question !== light) return made;
        const rows = Array.from({length: made.test.inputs.count}, (_, row) => made.test.inputs.count - 1 - row);
        const labels = Int32Array.from(rows, row => made.test.labels[row]!);
        return {...made, test: {...made.test, inputs: selectInputs(made.test.inputs, rows), labels}};
      },
    });
    await expect(compareQuestions(turned, where)).rejects.toThrow('than for `column`, in the test split');
    expect(calls).toEqual([]);
    const mixed = recipeOf([], {
      budgets: [20, 40],
      methods: [recipeOf([]).methods[1]!],
      data: question => {
        const {validation, ...made} = dataFor(question);
        const {labels: _, ...train} = made.train;
        return question === light ? {...made, train} : {...made, validation};
      },
    });
    await expect(compareQuestions(mixed, where)).rejects.toThrow('true labels for only one of `column` and `light`');
    const otherClasses = recipeOf([], {data: () => dataFor(column)});
    await expect(compareQuestions(otherClasses, where)).rejects.toThrow('question `bright` has the classes no, yes');
  });

  it.each<[string, Partial<Recipe>, string]>([
    ['a balance', {training: {balance: 1}}, 'training.balance: is for recipes of one'],
    [
      'a weight of another question',
      {training: {questionWeights: {colour: 2}}},
      'colour: is no question of the recipe',
    ],
    [
      'views that nobody answers beforehand',
      {methods: [{...recipeOf([]).methods[1]!, views: {view: crop()}}]},
      'methods.0.views.count: no teacher answers several questions while students are trained',
    ],
    ['two of one name', {questions: [column, column]}, 'questions.1.name: another question has the same folder'],
    ['tuning', {methods: [{...recipeOf([]).methods[1]!, tune: true}]}, 'methods.0.tune: is for recipes of one'],
  ])('are refused with %s', (_, changes, message) => {
    expect(() => recipeOf([], changes)).toThrow(message);
  });
});
