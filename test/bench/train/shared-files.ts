import {writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {mixSeed, shuffledIndices} from '../../../src/data/random.ts';
import {BATCH, type BenchModel, HARD_WEIGHT, knowledgeOf, SEED, SOFT_WEIGHT, studentOf, TEMPERATURE} from './models.ts';

/** Writes the initial data of the peers in Python: inputs, answers, the order of the first epoch and the weights. */
export async function writeSharedFiles(folder: string, model: BenchModel): Promise<void> {
  const {inputs, answers} = knowledgeOf(model);
  const weights = studentOf(model).model.trainableWeights.map(weight => weight.read());
  if (inputs.kind !== 'tensor' || answers.kind !== 'log-probabilities') throw new Error('Expected tensors.');
  const {inputShape, preprocessing, optimizer, learningRate, steps} = model;
  const description = {
    inputShape,
    dtype: inputs.dtype,
    preprocessing,
    optimizer,
    learningRate,
    steps,
    batch: BATCH,
    temperature: TEMPERATURE,
    softWeight: SOFT_WEIGHT,
    hardWeight: HARD_WEIGHT,
    weights: weights.map(({shape}) => shape),
  };
  const values = await Promise.all(weights.map(weight => weight.data<'float32'>()));
  const files = {
    'model.json': JSON.stringify(description),
    'inputs.bin': inputs.data,
    'answers.bin': answers.logProbabilities,
    'order.bin': shuffledIndices(inputs.count, mixSeed(SEED, 'order of epoch 1')),
    'weights.bin': Buffer.concat(
      values.map(({buffer, byteOffset, byteLength}) => Buffer.from(buffer, byteOffset, byteLength)),
    ),
  };
  await Promise.all(Object.entries(files).map(([name, data]) => writeFile(join(folder, name), data)));
}
