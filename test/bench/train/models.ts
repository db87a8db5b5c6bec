import type {Inputs} from '../../../src/data/inputs.ts';
import {randomFraction, randomInteger, seededRandom} from '../../../src/data/random.ts';
import {layers} from '../../../src/engine/tf.ts';
import type {Knowledge} from '../../../src/knowledge/knowledge.ts';
import {hardLabels} from '../../../src/losses/hard-labels.ts';
import type {LossTerm} from '../../../src/losses/loss.ts';
import {softLabels} from '../../../src/losses/soft-labels.ts';
import {glorotUniform, through} from '../../../src/student/building-blocks.ts';
import {lenet} from '../../../src/student/lenet.ts';
import {studentFor} from '../../../src/student/make-student.ts';
import {mlp} from '../../../src/student/mlp.ts';
import type {Preprocessing} from '../../../src/student/preprocessing.ts';
import {resnetCifar} from '../../../src/student/resnet-cifar.ts';
import type {Student, StudentBuilder} from '../../../src/student/student.ts';

export const BATCH = 128;
export const SEED = 1;
export const TEMPERATURE = 4;
export const SOFT_WEIGHT = 0.9;
export const HARD_WEIGHT = 0.1;
const classes: readonly string[] = Array.from({length: 10}, (_, index) => `class ${index}`);

/** One thing to train. Every peer trains it with the same weights, data and arithmetic. */
export interface BenchModel {
  readonly inputShape: readonly number[];
  readonly preprocessing: Preprocessing;
  /** Raw inputs are whole numbers from 0 to below this. */
  readonly values: number;
  readonly optimizer: 'sgd' | 'adam';
  readonly learningRate: number;
  /** Steps in a round, which is one epoch: at least half a second for the fastest peer. */
  readonly steps: number;
  readonly build: StudentBuilder;
}

const pixels = {scale: 1 / 255, mean: 0.5, deviation: 0.25};
const ROWS = 65_536;
const WIDTH = 64;

export const MODELS = {
  'resnet-20': {
    inputShape: [32, 32, 3],
    preprocessing: pixels,
    values: 256,
    optimizer: 'sgd',
    learningRate: 0.01,
    steps: 8,
    build: resnetCifar({depth: 20}),
  },
  lenet: {
    inputShape: [28, 28, 1],
    preprocessing: pixels,
    values: 256,
    optimizer: 'adam',
    learningRate: 0.001,
    steps: 40,
    build: lenet(),
  },
  mlp: {
    inputShape: [784],
    preprocessing: pixels,
    values: 256,
    optimizer: 'adam',
    learningRate: 0.001,
    steps: 300,
    build: mlp({units: [256]}),
  },
  embedding: {
    inputShape: [64],
    preprocessing: {},
    values: ROWS,
    optimizer: 'adam',
    learningRate: 0.001,
    steps: 60,
    build: hashedText,
  },
} as const satisfies Record<string, BenchModel>;

export type ModelName = keyof typeof MODELS;

/** The mean of the rows of a table that the ids of hashed words name, then a dense layer. */
function hashedText(task: Parameters<StudentBuilder>[0], seed: number): Student {
  const input = layers.input({shape: [...task.inputShape], name: 'input'});
  const table = layers.layers.embedding({
    name: 'table',
    inputDim: ROWS,
    outputDim: WIDTH,
    embeddingsInitializer: layers.initializers.randomUniform({minval: -0.05, maxval: 0.05, seed}),
  });
  const mean = layers.layers.globalAveragePooling1d({name: 'mean'});
  const kernelInitializer = glorotUniform(seed, 'logits');
  const logits = layers.layers.dense({name: 'logits', units: task.classes.length, kernelInitializer});
  return studentFor(
    task,
    layers.model({name: 'hashed_text', inputs: input, outputs: through(input, table, mean, logits)}),
  );
}

/** The initial student of every peer. */
export function studentOf({build, inputShape, preprocessing}: BenchModel): Student {
  return build({classes, inputShape, preprocessing}, SEED);
}

/** Made-up inputs, with the teacher's log-probabilities as a cache keeps them. */
export function knowledgeOf({inputShape, values, steps}: BenchModel): Knowledge {
  const count = steps * BATCH;
  const random = seededRandom(SEED, 'bench');
  const length = inputShape.reduce((product, size) => product * size, count);
  const fill = () => randomInteger(random, 0, values - 1);
  const inputs: Inputs = {
    kind: 'tensor',
    shape: inputShape,
    count,
    ...(values === 256
      ? {dtype: 'uint8', data: Uint8Array.from({length}, fill)}
      : {dtype: 'int32', data: Int32Array.from({length}, fill)}),
  };
  const logProbabilities = Float32Array.from({length: count * classes.length}, () => 4 * randomFraction(random));
  normalise(logProbabilities, classes.length);
  return {
    source: {access: 'gray-box', identity: {model: 'made up'}},
    classes,
    detail: {kind: 'log-probabilities'},
    inputs,
    answers: {kind: 'log-probabilities', count, logProbabilities},
  };
}

function normalise(rows: Float32Array, size: number): void {
  for (let start = 0; start < rows.length; start += size) {
    const row = rows.subarray(start, start + size);
    const logTotal = Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0));
    for (const [index, value] of row.entries()) row[index] = value - logTotal;
  }
}

/** Hinton's objective: the softened teacher and its label. */
export function lossesOf(): readonly LossTerm[] {
  return [softLabels({temperature: TEMPERATURE, weight: SOFT_WEIGHT}), hardLabels({weight: HARD_WEIGHT})];
}
