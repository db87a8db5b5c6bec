import {beforeAll, describe, expect, it} from 'vitest';
import {randomFraction, seededRandom} from '../../src/data/random.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {InputError, TrainingError} from '../../src/errors.ts';
import type {Answers} from '../../src/knowledge/answers.ts';
import type {Knowledge} from '../../src/knowledge/knowledge.ts';
import {dist} from '../../src/losses/dist.ts';
import {dkd} from '../../src/losses/dkd.ts';
import {featureHint} from '../../src/losses/feature-hint.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {learnedTemperature} from '../../src/losses/learned-temperature.ts';
import type {LossTerm, PreparedTerm} from '../../src/losses/loss.ts';
import {softLabels} from '../../src/losses/soft-labels.ts';
import {voteLabels} from '../../src/losses/vote-labels.ts';
import {mlp} from '../../src/student/mlp.ts';
import {resnetCifar} from '../../src/student/resnet-cifar.ts';
import type {Student} from '../../src/student/student.ts';
import {weightsHash} from '../../src/student/weights-hash.ts';
import {checkFirstBatch} from '../../src/train/first-batch.ts';
import type {TrainOptions} from '../../src/train/options.ts';
import {disposeBatch} from '../../src/train/prefetch.ts';
import {startRun} from '../../src/train/run.ts';
import {train} from '../../src/train/train.ts';

beforeAll(startEngine);

const classes = ['a', 'b', 'c'];
const count = 24;
const random = seededRandom(4, 'first batch');
const floats = (length: number) => Float32Array.from({length}, () => 2 * randomFraction(random) - 1);

function knowledgeOf(detail: Knowledge['detail'], answers: Answers, shape: readonly number[] = [4]): Knowledge {
  const size = shape.reduce((product, length) => product * length, count);
  const inputs = {kind: 'tensor', dtype: 'float32', shape, count, data: floats(size)} as const;
  return {source: {access: 'white-box', identity: {}}, classes, detail, inputs, answers};
}

const label: Answers = {kind: 'label', count, labels: Int32Array.from({length: count}, (_, row) => row % 3)};
const labelled = knowledgeOf({kind: 'label'}, label);
const scored = knowledgeOf(
  {kind: 'log-probabilities'},
  {kind: 'log-probabilities', count, logProbabilities: floats(3 * count)},
);
const voted = knowledgeOf(
  {kind: 'votes'},
  {kind: 'votes', count, counts: Uint32Array.from({length: 3 * count}, (_, place) => (place % 5) + 1)},
);
const featured = knowledgeOf(
  {kind: 'logits', features: ['fc', 'pool']},
  {
    kind: 'logits',
    count,
    logits: floats(3 * count),
    features: {fc: {shape: [2], values: floats(2 * count)}, pool: {shape: [2], values: floats(2 * count)}},
  },
);
const hint = (teacher: string) => featureHint({teacher, student: 'dense_1'});

const small = (): Student => mlp({units: [5]})({classes, inputShape: [4], preprocessing: {}}, 1);

/** A term of the user's own. */
const termOf = (value: PreparedTerm['value']): LossTerm => ({
  name: 'own',
  weight: 1,
  needs: {kind: 'label'},
  studentFeatures: [],
  prepare: () => ({variables: [], value}),
});

async function trained(
  losses: readonly LossTerm[],
  knowledge: Knowledge = labelled,
  options: Partial<TrainOptions> = {},
): Promise<void> {
  const student = small();
  for await (const _ of train(student, knowledge, {losses, seed: 1, epochs: 1, batchSize: 8, ...options}));
  student.model.dispose();
}

describe('a term without a gradient', () => {
  it.each([
    ['that multiplies the student away', termOf((_, {logits}) => tf.mul(tf.sum(logits), 0))],
    ['that does not hang on the student', termOf(({labels}) => tf.mean(tf.cast(labels, 'float32')))],
    ['whose value is 0 for every student', termOf((_, {logits}) => tf.sum(tf.relu(tf.sub(logits, 1e6))))],
  ])('%s ends the run with its name and likely reasons', async (_, term) => {
    const failing = trained([hardLabels(), term]);
    await expect(failing).rejects.toThrow(TrainingError);
    await expect(failing).rejects.toThrow(/^own has no gradient: in the first 3 batches .*leave the term out/);
  });

  it('is told where batches are too small for what it compares', async () => {
    await expect(trained([hardLabels(), dist({beta: 0})], scored, {batchSize: 1})).rejects.toThrow(
      'dist has no gradient',
    );
    await expect(trained([hardLabels(), dist({beta: 0})], scored)).resolves.toBeUndefined();
  });

  it('is none where another of the first batches gives it one', async () => {
    let calls = 0;
    const late = termOf((_, {logits}) => tf.mul(tf.sum(tf.square(logits)), calls++ === 0 ? 0 : 1));
    await expect(trained([hardLabels(), late], labelled, {compile: false})).resolves.toBeUndefined();
  });

  it('is none where the student has learned all of it already', async () => {
    // The first student's logits are small; others' are not.
    const bounded = termOf((_, {logits}) => tf.sum(tf.relu(tf.sub(tf.abs(tf.mul(logits, 0.66)), 1))));
    const student = small();
    student.model.setWeights(student.model.getWeights().map(weight => tf.mul(weight, 1e-3)));
    const options = {losses: [hardLabels(), bounded], seed: 1, epochs: 1};
    for await (const {terms} of train(student, labelled, options)) expect(terms['own']).toBe(0);
  });

  it('is none in a warm-up, whose weight is 0 at first', async () => {
    await expect(trained([hardLabels(), dkd({warmUp: 1})], scored)).resolves.toBeUndefined();
    await expect(trained([hardLabels(), learnedTemperature()], scored)).resolves.toBeUndefined();
  });
});

describe('the check of a first batch', () => {
  it('leaves every variable as it was, the averages of batch normalization among them, and no tensor', async () => {
    const shape = [8, 8, 3];
    const knowledge = knowledgeOf({kind: 'label'}, label, shape);
    const student = resnetCifar({depth: 20})({classes, inputShape: shape, preprocessing: {}}, 1);
    const run = await startRun(student, knowledge, {losses: [hardLabels()], seed: 1, epochs: 1, batchSize: 8});
    const batch = await run.source.batch(Int32Array.of(0, 1, 2, 3), 1);
    await checkFirstBatch(student, run, batch);
    const [before, tensors] = [weightsHash(student), tf.memory().numTensors];
    await checkFirstBatch(student, run, batch);
    expect(weightsHash(student)).toBe(before);
    expect(tf.memory().numTensors).toBe(tensors);
    run.dispose();
    disposeBatch(batch);
    expect(before).toBe(weightsHash(resnetCifar({depth: 20})({classes, inputShape: shape, preprocessing: {}}, 1)));
  });
});

describe('answers that nobody reads', () => {
  it('end the run, with what reads them', async () => {
    const failing = trained([hardLabels()], scored);
    await expect(failing).rejects.toThrow(InputError);
    await expect(failing).rejects.toThrow(
      'hold scores of classes, and no loss reads them (hard-labels). Learn from them with `softLabels()`',
    );
    await expect(trained([softLabels(), hint('fc')], featured)).rejects.toThrow('features of pool');
  });

  it.each([
    ['a distribution from which labels are taken as well', [hardLabels(), softLabels()], scored],
    ['votes for a label that most gave', [hardLabels()], voted],
    ['votes', [voteLabels()], voted],
    ['features, and logits that come with them', [hint('fc'), hint('pool')], featured],
  ] as const)('are not those of %s', async (_, losses, knowledge) => {
    await expect(trained(losses, knowledge)).resolves.toBeUndefined();
  });
});

describe('a loss that never moved', () => {
  it('ends a run of several epochs', async () => {
    const failing = trained([hardLabels()], labelled, {epochs: 3, schedule: () => 0});
    await expect(failing).rejects.toThrow(TrainingError);
    await expect(failing).rejects.toThrow(/^The loss never moved: .*Check the learning rate \(0\.01\), its schedule/);
    await expect(trained([hardLabels()], labelled, {epochs: 1, schedule: () => 0})).resolves.toBeUndefined();
  });

  it('is none where it was 0 from the start', async () => {
    const learned = termOf((_, {logits}) => tf.sum(tf.relu(tf.sub(tf.abs(logits), 1.9))));
    await expect(trained([learned], labelled, {epochs: 3})).resolves.toBeUndefined();
  });

  it('is not waited for where the student has nothing to train', async () => {
    const student = small();
    for (const layer of student.model.layers) layer.trainable = false;
    const run = train(student, labelled, {losses: [hardLabels()], seed: 1, epochs: 1});
    await expect(run.next()).rejects.toThrow('has no weights to train: all its layers are frozen');
  });
});
