import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import type {tf} from '../../src/engine/tf.ts';
import {trueLabels} from '../../src/knowledge/knowledge.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {embeddingBagOf} from '../../src/student/embedding-bag.ts';
import {hashedNgrams} from '../../src/student/hashed-ngrams.ts';
import type {Student, Task} from '../../src/student/student.ts';
import {weightsHash} from '../../src/student/weights-hash.ts';
import {adam, sgd} from '../../src/train/optimizer.ts';
import type {TrainOptions} from '../../src/train/options.ts';
import {startRun} from '../../src/train/run.ts';
import {train} from '../../src/train/train.ts';

beforeAll(startEngine);

const task: Task = {classes: ['animal', 'vehicle'], kind: 'text', inputShape: [], preprocessing: {}};
const texts = ['a dog', 'the bus goes by', 'a horse', 'a train', 'one mouse, one cat', 'a lorry', 'a cow'];
const inputs = {kind: 'text', count: texts.length, texts} as const;
const knowledge = trueLabels({inputs, labels: Int32Array.of(0, 1, 0, 1, 0, 1, 0)}, task.classes);
const small = (units: readonly number[] = [4]): Student => hashedNgrams({buckets: 512, units})(task, 1);

async function trained(student: Student, options: Partial<TrainOptions>): Promise<Student> {
  for await (const _ of train(student, knowledge, {losses: [hardLabels()], seed: 1, batchSize: 4, ...options}));
  return student;
}

const weightsOf = (student: Student): number[] =>
  student.model.weights.flatMap(weight => [...(weight.read() as tf.Variable).dataSync()]);

function difference(a: Student, b: Student): number {
  const others = weightsOf(b);
  return Math.max(...weightsOf(a).map((value, index) => Math.abs(value - others[index]!)));
}

describe('lazy updates of an embedding bag', () => {
  it.each([[[4]], [[]], [[6, 4]]])(
    'are those of dense updates in a first step, with hidden layers of %j',
    async units => {
      const once = {epochs: 1, batchSize: 7, optimizer: adam({learningRate: 0.1})};
      const lazy = await trained(small(units), once);
      const dense = await trained(small(units), {...once, embeddingUpdates: 'dense'});
      expect(difference(lazy, small(units))).toBeGreaterThan(0.05);
      expect(difference(lazy, dense)).toBeLessThan(1e-5);
    },
  );

  it('leave rows alone whose parts no text has, and differ from dense updates later', async () => {
    const [start, lazy] = [small(), await trained(small(), {epochs: 5})];
    const dense = await trained(small(), {epochs: 5, embeddingUpdates: 'dense'});
    expect(difference(lazy, dense)).toBeGreaterThan(1e-4);
    const [before, after] = [weightsOf(start), weightsOf(lazy)];
    const still = Array.from({length: 512}, (_, row) => row).filter(row => after[row * 4] === before[row * 4]);
    expect(still.length).toBeGreaterThan(200);
    expect(still.length).toBeLessThan(500);
  });

  it('give the same bits again, and nearly the same weights step by step as compiled', async () => {
    const [first, second] = [await trained(small(), {epochs: 4}), await trained(small(), {epochs: 4})];
    expect(weightsHash(second)).toBe(weightsHash(first));
    expect(difference(first, await trained(small(), {epochs: 4, compile: false}))).toBeLessThan(1e-5);
  });

  it('count no more parts of a text than they may, others in each epoch', async () => {
    const longest = Math.max(...texts.map(text => embeddingBagOf(small())!.read([text]).columns.length));
    const [few, again] = [
      await trained(small(), {epochs: 4, mostParts: 8}),
      await trained(small(), {epochs: 4, mostParts: 8}),
    ];
    expect(weightsHash(again)).toBe(weightsHash(few));
    const all = await trained(small(), {epochs: 4});
    expect(difference(few, all)).toBeGreaterThan(1e-3);
    expect(weightsHash(await trained(small(), {epochs: 4, mostParts: longest}))).toBe(weightsHash(all));
    const moved = (student: Student): number => {
      const [before, after] = [weightsOf(small()), weightsOf(student)];
      return Array.from({length: 512}, (_, row) => row).filter(row => after[row * 4] !== before[row * 4]).length;
    };
    const once = await trained(small(), {epochs: 1, mostParts: 8});
    expect(moved(once)).toBeLessThanOrEqual(8 * texts.length);
    expect(moved(few)).toBeGreaterThan(moved(once));
  });

  it('count the same parts as dense updates do', async () => {
    const once = {epochs: 1, batchSize: 7, mostParts: 8, optimizer: adam({learningRate: 0.1})};
    const dense = await trained(small(), {...once, embeddingUpdates: 'dense'});
    expect(difference(await trained(small(), once), dense)).toBeLessThan(1e-5);
  });

  it('leave a frozen kernel alone and train the rest', async () => {
    const student = small();
    const [, first, last] = student.model.layers;
    first!.trainable = false;
    const valuesOf = () => [first, last].map(layer => [...layer!.getWeights()[0]!.dataSync()]);
    const before = valuesOf();
    await trained(student, {epochs: 3});
    expect(valuesOf()[0]).toEqual(before[0]);
    expect(valuesOf()[1]).not.toEqual(before[1]);
  });

  it.each<[string, Partial<TrainOptions>, 'lazy' | 'dense']>([
    ['Adam', {}, 'lazy'],
    ['decay', {optimizer: adam({weightDecay: 0.1})}, 'dense'],
    ['momentum', {optimizer: sgd()}, 'dense'],
    ['a limit of the gradients', {clipNorm: 1}, 'dense'],
    ['the option', {embeddingUpdates: 'dense'}, 'dense'],
  ])('are taken if they can be: %s', async (_, options, updates) => {
    const run = await startRun(small(), knowledge, {losses: [hardLabels()], seed: 1, ...options});
    expect(run.updates).toBe(updates);
    run.dispose();
  });
});
