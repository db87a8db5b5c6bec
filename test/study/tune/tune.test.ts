import {readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import type {UnlabelledDataset} from '../../../src/data/split.ts';
import {tf} from '../../../src/engine/tf.ts';
import {InputError} from '../../../src/errors.ts';
import {hardLabelLoss, hardLabels} from '../../../src/losses/hard-labels.ts';
import type {LossTerm} from '../../../src/losses/loss.ts';
import type {Method, Recipe} from '../../../src/recipe/recipe.ts';
import {loadStudent} from '../../../src/student/files.ts';
import {weightsHash} from '../../../src/student/weights-hash.ts';
import {compare} from '../../../src/study/compare.ts';
import {withSavedKnowledge} from '../../../src/study/knowledge.ts';
import {renderReport} from '../../../src/study/report/page.ts';
import type {Results} from '../../../src/study/results.ts';
import type {StudyProgress} from '../../../src/study/study.ts';
import {resultsTable} from '../../../src/study/table.ts';
import {trialsPath} from '../../../src/study/tune/trial.ts';
import {tuneMethods} from '../../../src/study/tune/tune.ts';
import {
  callsOf,
  openRecipe,
  startedTinyModel,
  studentFolder,
  studyPlaces,
  tinyData,
  tinyRecipe,
  tinyTeachers,
} from '../tiny.ts';

const places = studyPlaces();
const model = await startedTinyModel();

/** How often a planted loss was made ready for a run. */
let prepared = 0;

/** A loss with one right temperature; at any other it teaches the class after the right one. At `broken` it has no value. */
function planted({right = 8, broken = Number.NaN, temperature = 4} = {}): LossTerm {
  return {
    name: 'planted',
    weight: 1,
    needs: {kind: 'label'},
    temperature,
    atTemperature: other => planted({right, broken, temperature: other}),
    studentFeatures: [],
    prepare() {
      prepared++;
      const shift = temperature === right ? 0 : 1;
      return {
        variables: [],
        value: ({labels}, {logits}) =>
          tf.tidy(() => {
            const taught = tf.mod(tf.add(labels, tf.scalar(shift, 'int32')), tf.scalar(3, 'int32')) as tf.Tensor1D;
            const loss = hardLabelLoss(tf.cast(taught, 'int32'), logits);
            return temperature === broken ? tf.mul(loss, Number.NaN) : loss;
          }),
      };
    },
  };
}

const tunedMethod = (loss: LossTerm): Method => ({level: 'black-box', method: 'tuned', losses: [loss], tune: true});
const untuned = (loss: LossTerm): Method => ({level: 'black-box', method: 'tuned', losses: [loss]});
const epochs = {training: {...tinyRecipe({}).training, epochs: 9}};
const recipeOf = (changes: Partial<Recipe> = {}) =>
  tinyRecipe(tinyTeachers(model), {methods: [tunedMethod(planted())], ...epochs, ...changes});

async function madeByOf(directory: string, method: string): Promise<Record<string, unknown>> {
  const path = join(studentFolder(directory, method, 1), 'limbeck.json');
  return JSON.parse(await readFile(path, 'utf8')).madeBy;
}

const scoresOf = ({methods}: Results) => methods[0]!.tuning!.trials.map(({setting, score}) => [setting, score]);

describe('a study that tunes', () => {
  it('finds the planted temperature, and trains as a study that names it', async () => {
    const [where, other] = [await places(), await places()];
    const progress: StudyProgress[] = [];
    const results = await compare(recipeOf({seeds: [1]}), {...where, onProgress: step => progress.push(step)});
    const {tuning} = results.methods[0]!;
    expect(tuning).toMatchObject({judgedBy: 'validation accuracy', terms: ['planted'], chosen: 3});
    expect(tuning!.settings.map(({temperature}) => temperature)).toEqual([1, 2, 4, 8, 20]);
    // Temperatures can't be told apart before the end.
    expect(tuning!.trials.map(({setting, epochs}) => [setting, epochs])).toEqual(
      [0, 1, 2, 3, 4].map(setting => [setting, 9]),
    );
    for (const {curve, epochs, score} of tuning!.trials) {
      expect(curve).toHaveLength(epochs);
      expect(score).toBe(curve.at(-1)!.validationAccuracy);
    }
    await compare(recipeOf({seeds: [1], methods: [untuned(planted({temperature: 8}))]}), other);
    const [student, same] = await Promise.all(
      [where, other].map(({directory}) => loadStudent(studentFolder(directory, 'tuned', 1))),
    );
    expect(weightsHash(student!)).toBe(weightsHash(same!));
    expect(await madeByOf(where.directory, 'tuned')).toMatchObject({
      ...{recipe: 'tiny', level: 'black-box', method: 'tuned', seed: 1},
      tuned: {temperature: 8, weights: [1], tried: 5},
    });
    const sentence = /tuned is tuned: T = 8, of 5 tried on validation, accuracy [\d.]+\s%\./;
    expect(resultsTable(results)).toMatch(sentence);
    expect(renderReport(results)).toMatch(sentence);
    const told = progress.filter(({task}) => task === 'tune tuned').map(({done, total}) => done / total);
    expect(told[0]).toBe(0);
    expect(told.at(-1)).toBe(1);
    expect(told.toSorted((one, two) => one - two)).toEqual(told);
    expect(progress.some(({task, total}) => task === 'tune tuned' && total === 5)).toBe(true);
  });

  it('halves the weights of each temperature, and holds the best of each against each other', async () => {
    const method: Method = {
      ...tunedMethod(planted()),
      losses: [hardLabels(), planted({right: 8})],
      tune: {temperatures: [1, 8], weights: [2, 3, 10]},
    };
    const {methods} = await compare(recipeOf({seeds: [1], methods: [method]}), await places());
    const {chosen, settings, trials} = methods[0]!.tuning!;
    const rungs = trials.map(({setting, epochs}) => [settings[setting]!.temperature, epochs]);
    expect(rungs).toEqual([...[3, 3, 3, 9].map(epochs => [1, epochs]), ...[3, 3, 3, 9].map(epochs => [8, epochs])]);
    expect(settings[chosen]!.temperature).toBe(8);
    const finals = trials.filter(({epochs}) => epochs === 9);
    expect(finals.find(({setting}) => setting === chosen)!.score).toBe(Math.max(...finals.map(({score}) => score!)));
    for (const {setting} of finals) {
      const {temperature} = settings[setting]!;
      const first = trials.filter(trial => trial.epochs === 3 && settings[trial.setting]!.temperature === temperature);
      expect(first.find(trial => trial.setting === setting)!.score).toBe(Math.max(...first.map(({score}) => score!)));
    }
  });

  it('judges by validation alone: other labels of the test split choose the same, others of validation not', async () => {
    const shifted = (labels: Int32Array) => labels.map(label => (label + 1) % 3);
    const poisoned = (role: 'test' | 'validation') => async () => {
      const data = tinyData();
      return {...data, [role]: {...data[role], labels: shifted(data[role].labels)}};
    };
    const clean = await compare(recipeOf({seeds: [1]}), await places());
    const test = await compare(recipeOf({seeds: [1], data: poisoned('test')}), await places());
    expect(scoresOf(test)).toEqual(scoresOf(clean));
    const validation = await compare(recipeOf({seeds: [1], data: poisoned('validation')}), await places());
    expect(validation.methods[0]!.tuning!.chosen).toBe(0);
  });

  it('does not tune again where it goes on, nor does `train`, unless what is tuned has changed', async () => {
    const where = await places();
    const first = await compare(recipeOf({seeds: [1]}), where);
    const before = prepared;
    const second = await compare(recipeOf({seeds: [1]}), where);
    // Once to compare with what is kept, once for the student.
    expect(prepared - before).toBe(2);
    expect(scoresOf(second)).toEqual(scoresOf(first));

    const recipe = recipeOf({seeds: [1, 5]});
    const study = await openRecipe(recipe, [], where);
    const [method] = study.recipe.methods;
    const [alone] = await withSavedKnowledge(study, method!, answered => tuneMethods(study, [answered]));
    await study.close();
    expect(prepared - before).toBe(3);
    expect(alone!.tuning).toEqual(first.methods[0]!.tuning);

    const changed = await compare(recipeOf({seeds: [1], training: {...epochs.training, batchSize: 8}}), where);
    // The kept trials and the kept run are compared with; the trials are made; the student has a key and is trained.
    expect(prepared - before).toBe(3 + 2 + 5 + 2);
    expect(changed.methods[0]!.tuning!.chosen).toBe(3);
    await writeFile(trialsPath(where.directory, method!), 'half of it');
    const repaired = await compare(recipeOf({seeds: [1]}), where);
    expect(scoresOf(repaired)).toEqual(scoresOf(first));
  });

  it('judges by answers that a student did not learn from, where nobody knows the true labels', async () => {
    const unlabelled = (): UnlabelledDataset => {
      const {classes, train, test} = tinyData();
      return {classes, train: {role: 'train', inputs: train.inputs}, test: {role: 'test', inputs: test.inputs}};
    };
    const results = await compare(recipeOf({seeds: [1], data: unlabelled, calibration: {folds: 4}}), await places());
    const {tuning} = results.methods[0]!;
    expect(tuning).toMatchObject({judgedBy: 'agreement in cross-validation', chosen: 3});
    // 40 answers, each judged once.
    for (const {score} of tuning!.trials) expect(score! * 40).toBeCloseTo(Math.round(score! * 40), 9);
    expect(resultsTable(results)).toMatch(/T = 8, of 5 tried in cross-validation, agreement [\d.]+\s%/);
  });

  it('passes over settings that come to nothing, and says how many', async () => {
    const broken = tunedMethod(planted({broken: 1}));
    const results = await compare(recipeOf({seeds: [1], methods: [broken]}), await places());
    const {chosen, trials} = results.methods[0]!.tuning!;
    expect(chosen).toBe(3);
    expect(trials[0]).toMatchObject({setting: 0, score: null, curve: []});
    expect(trials[0]!.failure).toContain('Lower the learning rate');
    expect(resultsTable(results)).toContain('1 setting came to nothing');
  });

  it('leaves a method as it is where not one trial came to an end, and says why', async () => {
    const method: Method = {
      ...tunedMethod(planted({broken: 1})),
      tune: {temperatures: [1], weights: [1, 2]},
      losses: [planted({broken: 1}), hardLabels()],
    };
    const notes: string[] = [];
    const results = await compare(recipeOf({seeds: [1], methods: [method]}), {
      ...(await places()),
      onNote: note => notes.push(note),
    });
    expect(results.methods[0]!.tuning).toBeUndefined();
    expect(notes.join()).toMatch(/`tuned` stays as it is, since no trial came to an end. The loss .* is NaN/);
  });

  it('refuses a method with nothing to tune before anything is asked', async () => {
    const teachers = tinyTeachers(model);
    const method: Method = {level: 'black-box', method: 'labels', losses: [hardLabels()], tune: true};
    await expect(compare(tinyRecipe(teachers, {methods: [method]}), await places())).rejects.toThrow(InputError);
    expect(callsOf(teachers)).toBe(0);
  });
});
