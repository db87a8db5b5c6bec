/** Plain TensorFlow.js on tfjs-node: its own kernels, gradients and optimizers, one operation at a time. */
import {mixSeed, shuffledIndices} from '../../../../src/data/random.ts';
import {loadTfjsNode} from '../../../../src/engine/install/load.ts';
import {repairUtil} from '../../../../src/engine/native.ts';
import {tf} from '../../../../src/engine/tf.ts';
import {hardLabelLoss} from '../../../../src/losses/hard-labels.ts';
import {softLabelLoss} from '../../../../src/losses/soft-labels.ts';
import {preprocess} from '../../../../src/student/preprocessing.ts';
import {keptAnswers} from '../../../../src/train/batch-source.ts';
import {lessonsOf} from '../../../../src/train/lessons.ts';
import {BATCH, HARD_WEIGHT, knowledgeOf, SEED, SOFT_WEIGHT, studentOf, TEMPERATURE} from '../models.ts';
import {modelOfPeer, type Run, serve} from './serve.ts';

repairUtil();
loadTfjsNode();
await tf.setBackend('tensorflow');

const model = modelOfPeer();
const {learningRate, steps} = model;
const student = studentOf(model);
const knowledge = knowledgeOf(model);
const lessons = lessonsOf(student, knowledge, {losses: []});
const source = await keptAnswers(knowledge, lessons, {student, view: undefined, seed: SEED});
const optimizer = model.optimizer === 'sgd' ? tf.train.momentum(learningRate, 0.9) : tf.train.adam(learningRate);
let epoch = 0;

async function step(rows: Int32Array): Promise<number> {
  const {raw: made, targets} = await source.batch(rows, epoch);
  const raw = made as tf.Tensor;
  const {labels, logProbabilities} = targets[0]!;
  const objective = () => {
    const inputs = preprocess(raw, student.preprocessing);
    const logits = student.model.apply(inputs, {training: true}) as tf.Tensor2D;
    const soft = softLabelLoss(logProbabilities!, logits, {temperature: TEMPERATURE});
    const hard = hardLabelLoss(labels, logits);
    return tf.add(tf.mul(soft, SOFT_WEIGHT), tf.mul(hard, HARD_WEIGHT)) as tf.Scalar;
  };
  const loss = optimizer.minimize(objective, true)!;
  const [value] = await loss.data<'float32'>();
  tf.dispose([raw, labels, logProbabilities!, loss]);
  return value!;
}

async function run(): Promise<Run> {
  epoch++;
  const start = performance.now();
  const order = shuffledIndices(steps * BATCH, mixSeed(SEED, `order of epoch ${epoch}`));
  let sum = 0;
  for (let index = 0; index < steps; index++) sum += await step(order.subarray(index * BATCH, (index + 1) * BATCH));
  return {msPerStep: (performance.now() - start) / steps, loss: sum / steps};
}

const {binding} = tf.backend() as tf.KernelBackend & {readonly binding: {readonly TF_Version: string}};
await serve({node: process.versions.node, tensorflow: binding.TF_Version}, {run});
