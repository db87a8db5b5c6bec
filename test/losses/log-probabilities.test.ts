import {beforeAll, expect, it} from 'vitest';
import {logSumExpOfRow} from '../../src/data/arrays.ts';
import type {TensorInputs} from '../../src/data/inputs.ts';
import {randomFraction, seededRandom} from '../../src/data/random.ts';
import {startEngine} from '../../src/engine/engine.ts';
import type {Knowledge} from '../../src/knowledge/knowledge.ts';
import {centredLogits} from '../../src/losses/centred-logits.ts';
import {dist} from '../../src/losses/dist.ts';
import {dkd} from '../../src/losses/dkd.ts';
import {jensenShannon} from '../../src/losses/jensen-shannon.ts';
import {learnedTemperature} from '../../src/losses/learned-temperature.ts';
import type {LossTerm} from '../../src/losses/loss.ts';
import {nkd} from '../../src/losses/nkd.ts';
import {quantised} from '../../src/losses/quantised.ts';
import {softLabels} from '../../src/losses/soft-labels.ts';
import {standardised} from '../../src/losses/standardised.ts';
import {ttm} from '../../src/losses/ttm.ts';
import {mlp} from '../../src/student/mlp.ts';
import {predictLogits} from '../../src/student/predict.ts';
import {sgd} from '../../src/train/optimizer.ts';
import {train} from '../../src/train/train.ts';

beforeAll(async () => {
  await startEngine();
});

const classes = ['a', 'b', 'c', 'd'];
const count = 48;
const random = seededRandom(7, 'log-probabilities');
const inputs: TensorInputs = {
  kind: 'tensor',
  dtype: 'float32',
  shape: [6],
  count,
  data: Float32Array.from({length: count * 6}, () => 2 * randomFraction(random) - 1),
};
/** Far from log-probabilities: the rows' sums differ, too. */
const logits = Float32Array.from(
  {length: count * 4},
  (_, index) => 6 * randomFraction(random) + (Math.floor(index / 4) % 5),
);
const logProbabilities = logits.map((value, index) => value - logSumExpOfRow(logits, index - (index % 4), 4));

const source = {access: 'gray-box', identity: {model: 'made up'}} as const;
const white: Knowledge = {
  source,
  classes,
  detail: {kind: 'logits'},
  inputs,
  answers: {kind: 'logits', count, logits, features: {}},
};
const gray: Knowledge = {
  source,
  classes,
  detail: {kind: 'log-probabilities'},
  inputs,
  answers: {kind: 'log-probabilities', count, logProbabilities},
};

/** What a student says after some epochs of three steps. */
async function learned(knowledge: Knowledge, term: LossTerm, epochs = 20): Promise<Float32Array> {
  const student = mlp({units: [8]})({classes, inputShape: [6], preprocessing: {scale: 1}}, 1);
  const options = {
    losses: [term],
    seed: 3,
    epochs,
    batchSize: 16,
    optimizer: sgd({learningRate: 0.02}),
    clipNorm: 5,
  };
  for await (const _ of train(student, knowledge, options)) {
    // To its end.
  }
  const said = await predictLogits(student, inputs);
  student.model.dispose();
  return said;
}

it.each([
  ['softLabels', () => softLabels()],
  ['softLabels, reverse', () => softLabels({direction: 'reverse', temperature: 2})],
  ['dkd', () => dkd()],
  ['dist', () => dist()],
  ['jensenShannon', () => jensenShannon()],
  ['ttm', () => ttm()],
  ['nkd', () => nkd()],
  ['centredLogits', () => centredLogits()],
  ['standardised', () => standardised()],
  ['quantised', () => quantised(softLabels(), {decimals: 2})],
  ['learnedTemperature', () => learnedTemperature()],
])('log-probabilities in place of logits train the same student: %s', async (_, make) => {
  const [fromLogits, fromLogProbabilities] = [await learned(white, make()), await learned(gray, make())];
  const apart = fromLogits.map((value, index) => Math.abs(value - fromLogProbabilities[index]!));
  expect(Math.max(...apart)).toBeLessThan(1e-3);
  // It did learn.
  const early = await learned(white, make(), 1);
  expect(Math.max(...early.map((value, index) => Math.abs(value - fromLogits[index]!)))).toBeGreaterThan(0.02);
});
