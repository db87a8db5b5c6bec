import {beforeAll, describe, expect, it} from 'vitest';
import {argmaxRows} from '../../src/data/arrays.ts';
import {drawExamples} from '../../src/data/split.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {cascadeOf} from '../../src/evaluate/calibration.ts';
import {certify, NOTHING_LOCAL} from '../../src/evaluate/guarantee.ts';
import {type Knowledge, trueLabels} from '../../src/knowledge/knowledge.ts';
import {softLabels} from '../../src/losses/soft-labels.ts';
import {loadStudent} from '../../src/student/files.ts';
import {mlp} from '../../src/student/mlp.ts';
import {predictLogits} from '../../src/student/predict.ts';
import {weightsHash} from '../../src/student/weights-hash.ts';
import {compare} from '../../src/study/compare.ts';
import {inputsApart} from '../../src/study/divide.ts';
import {calibrate} from '../../src/study/run.ts';
import {resultsTable} from '../../src/study/table.ts';
import type {Answer, Teacher} from '../../src/teacher.ts';
import {
  classes,
  hashesOf,
  hashOf,
  methods,
  settingApart,
  startedTinyModel,
  studentFolder,
  studyPlaces,
  tinyData,
  tinyModel,
  tinyRecipe,
  tinyTeachers,
  transferSize,
} from './tiny.ts';

beforeAll(startEngine);

const truth: Knowledge = trueLabels(tinyData().train, classes);
const knowledge: Knowledge = {...truth, source: {...truth.source, access: 'black-box'}};
/** 9 answers without a disagreement prove it. */
const target = {agreement: 0.7, confidence: 0.95};

describe('calibrate', () => {
  it('asks the student about the answers that were set apart, in the first of their versions, and certifies it', async () => {
    const student = await tinyModel();
    const logits = await predictLogits(student, knowledge.inputs);
    const {labels} = knowledge.answers as {readonly labels: Int32Array};
    const calibrationInputs = Array.from({length: 15}, (_, place) => 2 * place + 1);
    const of = (rows: readonly number[]) =>
      certify(
        rows.flatMap(row => [...logits.subarray(3 * row, 3 * row + 3)]),
        rows.map(row => labels[row]!),
        3,
        {...target, temperature: 1.5},
      );
    const options = {temperature: 1.5, calibrationInputs};
    const recipe = {calibration: {agreement: 0.7}};
    expect(await calibrate(recipe, student, knowledge, options)).toEqual({temperature: 1.5, ...of(calibrationInputs)});
    const versioned = await calibrate(recipe, student, {...knowledge, versions: 2}, options);
    expect(versioned).toEqual({temperature: 1.5, ...of(calibrationInputs.map(input => 2 * input))});
  });

  it('says how many more answers would do if there are too few, and lets the student answer nothing', async () => {
    const options = {temperature: 1, calibrationInputs: []};
    const calibration = await calibrate({calibration: {agreement: 0.97}}, await tinyModel(), knowledge, options);
    expect(calibration).toMatchObject({threshold: NOTHING_LOCAL, guarantee: {answers: 0, moreAnswers: 2 * 99 - 60}});
  });

  it('promises nothing of a teacher by true labels, nor if nothing is wanted', async () => {
    const options = {temperature: 2, calibrationInputs: [1, 2, 3]};
    const student = await tinyModel();
    expect(await calibrate({calibration: {agreement: 0.5}}, student, truth, options)).toEqual({temperature: 2});
    expect(await calibrate({calibration: {}}, student, knowledge, options)).toEqual({temperature: 2});
  });
});

describe('a study with calibration', () => {
  const places = studyPlaces();
  const changes = {methods: methods.slice(1, 3), seeds: [1]};

  it('trains the same students as without, if nothing is promised, and keeps a temperature with each', async () => {
    const teachers = tinyTeachers(await startedTinyModel());
    const [plain, sure] = [await places(), await places()];
    const shares: number[] = [];
    const {rows: bare} = await compare(tinyRecipe(teachers, changes), plain);
    const {rows: measured} = await compare(tinyRecipe(teachers, {...changes, calibration: {folds: 2}}), {
      ...sure,
      onProgress: ({task, done, total}) => task.startsWith('train') && shares.push(done / total),
    });
    for (const method of changes.methods) {
      const [unsure, calibrated] = await Promise.all(
        [plain, sure].map(({directory}) => loadStudent(studentFolder(directory, method.method, 1))),
      );
      expect(unsure!.calibration).toBeUndefined();
      expect(calibrated!.calibration).toEqual({temperature: expect.any(Number)});
      const {inputs} = tinyData().test;
      expect(await predictLogits(calibrated!, inputs)).toEqual(await predictLogits(unsure!, inputs));
    }
    for (const [index, {agreement, entropy}] of bare.entries()) {
      expect(measured[index]!.agreement).toBe(agreement);
      // Measured as they answer, with the temperature of their own.
      expect(measured[index]!.entropy).not.toBeCloseTo(entropy, 3);
    }
    expect([...shares].sort((a, b) => a - b)).toEqual(shares);
    expect(shares.at(-1)).toBe(1);
  });

  it('promises what the recipe says, by answers that no student and no choice learned from', async () => {
    const model = await startedTinyModel();
    const teachers = tinyTeachers(model);
    const place = await places();
    const recipe = tinyRecipe(teachers, {
      ...changes,
      methods: [{...methods[3]!, tune: {temperatures: [1, 4]}}],
      calibration: {folds: 2, ...target},
    });
    const results = await compare(recipe, place);
    const [{cascade}] = results.rows as [(typeof results.rows)[number]];
    expect(cascade).toMatchObject({inputs: 30, guarantee: {...target, answers: 9}});
    const {
      model: kept,
      calibration,
      ...student
    } = await loadStudent(studentFolder(place.directory, recipe.methods[0]!.method, 1));
    expect(calibration!.guarantee).toEqual(cascade!.guarantee);
    const logits = await predictLogits({...student, model: kept}, tinyData().test.inputs);
    const taught = await predictLogits(model, tinyData().test.inputs);
    const labels = Int32Array.from({length: 30}, (_, row) => {
      const own = [...taught.subarray(3 * row, 3 * row + 3)];
      return own.indexOf(Math.max(...own));
    });
    expect(cascadeOf(logits, labels, 3, calibration!)).toEqual(cascade);
    // What the teacher left without an answer counts against a student that answers it.
    const all = cascadeOf(logits, labels, 3, {temperature: 1});
    const named = argmaxRows(logits, 3);
    const right = named.findIndex((label, row) => label === labels[row]);
    const lacking = cascadeOf(logits, labels.with(right, -1), 3, {temperature: 1});
    expect(lacking.agreement).toBeCloseTo(all.agreement - 1 / 30, 12);
    expect(resultsTable(results)).toMatch(
      /all, T=2 in a cascade: target 70\s% agreement with 95\s% probability, by 9 calibration answers; .* of 1 student keep the target there/,
    );
    expect(results.methods[0]!.description).toContain(`${transferSize} inputs, 9 of them to calibrate by`);
  });

  it('learns and chooses nothing by the answers that were set apart', async () => {
    const {train, test} = tinyData();
    // Without true labels, tuning goes by answers as well.
    const data = {
      classes,
      train: {role: 'train', inputs: train.inputs},
      test: {role: 'test', inputs: test.inputs},
    } as const;
    const recipe = (teacher: Teacher<'gray-box'>) =>
      tinyRecipe(
        {},
        {
          data: () => data,
          teachers: {'gray-box': () => teacher},
          student: [mlp({units: [6]}), mlp({units: [2]})],
          methods: [{level: 'gray-box', method: 'soft', losses: [softLabels()], tune: {temperatures: [1, 3]}}],
          seeds: [1],
          calibration: {folds: 2, ...target},
        },
      );
    const teacher = tinyTeachers(await startedTinyModel())['gray-box'];
    const drawn = drawExamples(data.train, {size: transferSize});
    const apart = new Set(
      inputsApart(
        settingApart({folds: 2, ...target}),
        {method: 'soft'},
        {...knowledge, inputs: drawn.inputs},
      ).calibrationInputs.map(input => hashesOf(drawn.inputs)[input]!),
    );
    const contrary: Teacher<'gray-box'> = {
      ...teacher,
      identity: {adapter: 'contrary'},
      async ask(queried, options) {
        const outcomes = await teacher.ask(queried, options);
        return outcomes.map((outcome, place) => {
          if (!('answer' in outcome) || !apart.has(hashOf(queried[place]!.input))) return outcome;
          const {logProbabilities} = outcome.answer as Extract<Answer, {kind: 'log-probabilities'}>;
          return {answer: {kind: 'log-probabilities', logProbabilities: logProbabilities.toReversed()}};
        });
      },
    };
    const ends = await Promise.all(
      [teacher, contrary].map(async each => {
        const place = await places();
        const {
          methods: [method],
          rows: [row],
        } = await compare(recipe(each), place);
        const student = await loadStudent(studentFolder(place.directory, recipe(each).methods[0]!.method, 1));
        return {tuning: method!.tuning, choice: row!.choice, weights: weightsHash(student), ...student.calibration!};
      }),
    );
    const [own, other] = ends.map(({guarantee: _, threshold: __, ...rest}) => rest);
    expect(other).toEqual(own);
    expect(ends[0]!.guarantee!.localShare).toBeGreaterThan(ends[1]!.guarantee!.localShare);
  });
});
