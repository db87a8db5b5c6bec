import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {accuracy} from '../../src/evaluate/metrics.ts';
import {trueLabels} from '../../src/knowledge/knowledge.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import type {Method, TrainingOptions} from '../../src/recipe/recipe.ts';
import {loadStudent} from '../../src/student/files.ts';
import {predictLogits} from '../../src/student/predict.ts';
import {withSavedKnowledge} from '../../src/study/knowledge.ts';
import {gateOver, type Learned, learn} from '../../src/study/run.ts';
import {adam} from '../../src/train/optimizer.ts';
import {folders, methodOf, openRecipe, studentFolder, tinyData, tinyRecipe} from './tiny.ts';

const newFolder = folders();
const method: Method = {level: 'none', method: 'truth', losses: [hardLabels()]};

beforeAll(startEngine);

const texts = Array.from({length: 40}, (_, index) => `Please move the meeting of room ${index} to next week.`);
const labels = Int32Array.from(texts, (_, index) => index % 2);
const knowledge = trueLabels({inputs: {kind: 'text', count: texts.length, texts}, labels}, ['a', 'b']);
const numbers = {
  inputs: {kind: 'tensor', dtype: 'uint8', shape: [2], count: 40, data: new Uint8Array(80)},
  labels,
} as const;

async function learned(training: TrainingOptions): Promise<Learned> {
  const study = await openRecipe(tinyRecipe({}, {methods: [method], training}), [], {directory: await newFolder()});
  const result = await withSavedKnowledge(study, methodOf(study, 'truth'), answered => learn(study, answered, 1));
  await study.close();
  return result;
}

/** What a saved student gets right of the validation split. */
async function validationAccuracy(directory: string): Promise<number> {
  const {inputs, labels} = tinyData().validation;
  return accuracy(await predictLogits(await loadStudent(directory), inputs), labels, 3);
}

describe('learn', () => {
  it('saves the student of the last epoch, and says which that is', async () => {
    const {directory, curve, kept} = await learned({epochs: 4, validateEvery: 3});
    expect(curve.map(({validationAccuracy: measured}) => measured === null)).toEqual([true, true, false, false]);
    expect(kept).toBe(curve[3]);
    expect(kept.validationAccuracy).toBe(await validationAccuracy(directory));
  });

  it('saves the best student where training stops early, and says which that is', async () => {
    // A rate so high that the student soon gets worse.
    const options = {epochs: 40, batchSize: 64, optimizer: adam({learningRate: 0.6}), earlyStopping: {patience: 3}};
    const {directory, curve, kept} = await learned(options);
    expect(curve.length).toBeLessThan(40);
    expect(kept).toBe(curve.at(-4));
    expect(kept.validationAccuracy).toBe(await validationAccuracy(directory));
    expect(kept.validationAccuracy).toBeGreaterThan(curve.at(-1)!.validationAccuracy!);
  });
});

describe('the folder of a student', () => {
  it.each([
    ['labels', 'labels'],
    ['log-probabilities, T=4', 'log-probabilities-T=4'],
    ['logits + feature hint', 'logits-feature-hint'],
    ['(top 3)', 'top-3'],
    ['../../up', 'up'],
    ['Étiquettes dures', 'Étiquettes-dures'],
  ])('of method `%s` is called %s', (name, folder) => {
    expect(studentFolder('out', name, 3)).toBe(join('out', 'students', folder, 'seed-3'));
  });
});

describe('gateOver', () => {
  it('fits a gate to the texts of a student that may abstain, the same for the same seed', async () => {
    const gate = await gateOver({calibration: {}}, knowledge, 1);
    expect(gate?.texts).toHaveLength(40);
    expect(await gateOver({calibration: {}}, knowledge, 1)).toEqual(gate);
  });

  it('fits none where nothing is calibrated, or the inputs are numbers', async () => {
    expect(await gateOver({}, knowledge, 1)).toBeUndefined();
    expect(await gateOver({calibration: {}}, trueLabels(numbers, ['a', 'b']), 1)).toBeUndefined();
  });
});
