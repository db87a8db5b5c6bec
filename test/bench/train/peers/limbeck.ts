/** `train()` as its users call it. */
import {nativeBackend} from '../../../../src/engine/compiled/binding.ts';
import {startEngine} from '../../../../src/engine/engine.ts';
import {tf} from '../../../../src/engine/tf.ts';
import {keptAnswers} from '../../../../src/train/batch-source.ts';
import {lessonsOf} from '../../../../src/train/lessons.ts';
import {adam, sgd} from '../../../../src/train/optimizer.ts';
import {constantRate} from '../../../../src/train/schedule.ts';
import {train} from '../../../../src/train/train.ts';
import {BATCH, knowledgeOf, lossesOf, SEED, studentOf} from '../models.ts';
import {modelOfPeer, type Run, serve} from './serve.ts';

const engine = await startEngine();
const model = modelOfPeer();
const {learningRate, steps} = model;
const knowledge = knowledgeOf(model);
const student = studentOf(model);
const epochs = train(student, knowledge, {
  losses: lossesOf(),
  seed: SEED,
  epochs: 10_000,
  batchSize: BATCH,
  optimizer: model.optimizer === 'sgd' ? sgd({learningRate}) : adam({learningRate}),
  schedule: constantRate(),
  onFallback(reason) {
    throw new Error(`The step was not compiled: ${reason}.`);
  },
});

async function run(): Promise<Run> {
  const start = performance.now();
  const {value} = await epochs.next();
  return {msPerStep: (performance.now() - start) / steps, loss: value!.loss};
}

/** Milliseconds that a batch with its kept answers takes until TensorFlow has it. */
async function data(): Promise<{readonly ms: number}> {
  const lessons = lessonsOf(student, knowledge, {losses: []});
  const source = await keptAnswers(knowledge, lessons, {student, view: undefined, seed: SEED});
  const rows = Int32Array.from({length: BATCH}, (_, row) => (row * 7919) % knowledge.inputs.count);
  const start = performance.now();
  const repeats = 100;
  for (let repeat = 0; repeat < repeats; repeat++) {
    const {raw, targets} = await source.batch(rows, 1);
    const tensors = [raw as tf.Tensor, targets[0]!.labels, targets[0]!.logProbabilities!];
    nativeBackend()!.getInputTensorIds(tensors);
    tf.dispose(tensors);
  }
  return {ms: (performance.now() - start) / repeats};
}

await serve({node: process.versions.node, tensorflow: engine.version}, {run, data});
