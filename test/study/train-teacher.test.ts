import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {InputError} from '../../src/errors.ts';
import {accuracy} from '../../src/evaluate/metrics.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import type {Recipe, TeacherModel} from '../../src/recipe/recipe.ts';
import {loadStudent} from '../../src/student/files.ts';
import {mlp} from '../../src/student/mlp.ts';
import {predictLogits} from '../../src/student/predict.ts';
import type {StudyProgress} from '../../src/study/study.ts';
import {trainTeacher} from '../../src/study/train-teacher.ts';
import {adam} from '../../src/train/optimizer.ts';
import {classes, folders, tinyData, tinyRecipe} from './tiny.ts';

const newFolder = folders();

beforeAll(startEngine);

async function recipeWith(
  changes: Partial<TeacherModel> = {},
): Promise<Recipe & {readonly teacherModel: TeacherModel}> {
  const teacherModel: TeacherModel = {
    directory: join(await newFolder(), 'teacher'),
    student: mlp({units: [12]}),
    preprocessing: {scale: 1 / 255},
    losses: [hardLabels()],
    seed: 5,
    training: {epochs: 8, batchSize: 16, optimizer: adam({learningRate: 0.02})},
    ...changes,
  };
  return {...tinyRecipe({}), teacherModel};
}

interface Described {
  readonly classes: readonly string[];
  readonly madeBy: {readonly recipe: string; readonly seed: number; readonly validationAccuracy: number};
}

async function described(directory: string): Promise<Described> {
  return JSON.parse(await readFile(join(directory, 'limbeck.json'), 'utf8')) as Described;
}

/** What a saved teacher gets right of the validation split. */
async function validationAccuracy(directory: string): Promise<number> {
  const {inputs, labels} = tinyData().validation;
  return accuracy(await predictLogits(await loadStudent(directory), inputs), labels, 3);
}

describe('trainTeacher', () => {
  it('learns the true labels and saves the model where the recipe says, with how it came to be', async () => {
    const recipe = await recipeWith();
    const {directory} = await trainTeacher(recipe);
    expect(directory).toBe(recipe.teacherModel.directory);
    const measured = await validationAccuracy(directory);
    expect(measured).toBeGreaterThan(0.6);
    const {classes: named, madeBy} = await described(directory);
    expect(named).toEqual(classes);
    expect(madeBy).toEqual({recipe: 'tiny', seed: 5, validationAccuracy: measured});
  });

  it('makes the same teacher from the same seed, to the bit', async () => {
    const weights = async (seed: number) => {
      const {directory} = await trainTeacher(await recipeWith({seed}));
      return readFile(join(directory, 'weights.bin'));
    };
    const first = await weights(5);
    expect((await weights(5)).equals(first)).toBe(true);
    expect((await weights(6)).equals(first)).toBe(false);
  });

  it('says the accuracy of the weights that it kept, which with early stopping are not the last', async () => {
    // A rate so high that the model soon gets worse.
    const training = {epochs: 30, optimizer: adam({learningRate: 0.6}), earlyStopping: {patience: 3}};
    const {directory} = await trainTeacher(await recipeWith({training}));
    const {madeBy} = await described(directory);
    expect(madeBy.validationAccuracy).toBe(await validationAccuracy(directory));
  });

  it('tells how far it is', async () => {
    const steps: StudyProgress[] = [];
    await trainTeacher(await recipeWith(), {onProgress: step => steps.push(step)});
    expect(steps.map(({done}) => done)).toEqual(Array.from({length: 32}, (_, index) => index + 1));
    expect(steps[0]).toMatchObject({task: 'train the teacher', total: 32, detail: expect.stringMatching(/^loss \d/)});
  });

  it('stops when it is told to, and saves nothing', async () => {
    const stop = new AbortController();
    const recipe = await recipeWith();
    const onProgress = ({done}: StudyProgress) => done === 3 && stop.abort();
    await expect(trainTeacher(recipe, {signal: stop.signal, onProgress})).rejects.toThrow(/abort/);
    await expect(described(recipe.teacherModel.directory)).rejects.toThrow('ENOENT');
  });

  it('refuses a recipe that does not say how its teacher is made', async () => {
    await expect(trainTeacher(tinyRecipe({}))).rejects.toThrow(InputError);
  });
});
