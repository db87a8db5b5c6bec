import {beforeAll, describe, expect, it} from 'vitest';
import type {EmbeddingReading} from '../../src/data/text-reading.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {trueLabels} from '../../src/knowledge/knowledge.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {mlp} from '../../src/student/mlp.ts';
import type {Student} from '../../src/student/student.ts';
import {defaultOptimizer, defaultSchedule, epochsOf} from '../../src/train/defaults.ts';
import {adam, sgd} from '../../src/train/optimizer.ts';
import type {TrainOptions} from '../../src/train/options.ts';
import {startRun} from '../../src/train/run.ts';
import {cosineDecay} from '../../src/train/schedule.ts';

beforeAll(startEngine);

describe('epochsOf', () => {
  it('is as many passes as 1,000 steps take, and 20 at least', () => {
    expect(epochsOf({}, 300)).toBe(100);
    expect(epochsOf({}, 1000)).toBe(32);
    expect(epochsOf({}, 50_000)).toBe(20);
    expect(epochsOf({batchSize: 1000}, 300)).toBe(1000);
  });

  it('rounds steps up to whole passes', () => {
    expect(epochsOf({steps: 101, batchSize: 10}, 100)).toBe(11);
    expect(epochsOf({steps: 1}, 100)).toBe(1);
    expect(epochsOf({epochs: 7}, 100)).toBe(7);
  });

  it('refuses two lengths, and lengths that are none', () => {
    expect(() => epochsOf({epochs: 2, steps: 10}, 100)).toThrow('`epochs` and `steps` both say how long to train.');
    expect(() => epochsOf({steps: 0}, 100)).toThrow('Expected `steps` to be a whole number of at least 1, got 0.');
    expect(() => epochsOf({epochs: 1.5}, 100)).toThrow(
      'Expected `epochs` to be a whole number of at least 1, got 1.5.',
    );
  });
});

const reading = {kind: 'n-grams', buckets: 16, words: 1, characters: [0, 0], length: 100} as const;
const rates = (schedule: ReturnType<typeof defaultSchedule>) => [0, 10, 50, 99].map(step => schedule(step, 100));

describe('the default schedule', () => {
  it('warms up for the default optimizer alone, so that recipes that name one keep their numbers', () => {
    expect(rates(defaultSchedule({}, undefined))).toEqual(rates(cosineDecay({warmUp: 0.1})));
    expect(rates(defaultSchedule({}, sgd()))).toEqual(rates(cosineDecay()));
    expect(rates(defaultSchedule({reading}, undefined))).toEqual(rates(cosineDecay()));
  });
});

describe('a run without settings', () => {
  const classes = ['a', 'b'];
  const data = Float32Array.from({length: 200}, (_, index) => (index % 7) - 3);
  const inputs = {kind: 'tensor', dtype: 'float32', shape: [2], count: 100, data} as const;
  const knowledge = trueLabels({inputs, labels: Int32Array.from({length: 100}, (_, row) => row % 2)}, classes);

  async function started(options: Partial<TrainOptions>) {
    const student = mlp()({classes, inputShape: [2], preprocessing: {}}, 1);
    const run = await startRun(student, knowledge, {losses: [hardLabels()], seed: 1, ...options});
    run.dispose();
    student.model.dispose();
    return run;
  }

  it('is one of Adam with weight decay, of 1,000 steps', async () => {
    const run = await started({});
    expect([run.optimizer.name, run.optimizer.learningRate, run.batchSize]).toEqual(['adam', 0.01, 32]);
    expect([run.stepsPerEpoch, run.epochs, run.steps]).toEqual([4, 250, 1000]);
  });

  it('keeps every setting that is given', async () => {
    const optimizer = adam();
    const run = await started({epochs: 3, batchSize: 64, optimizer});
    expect([run.optimizer, run.batchSize, run.steps]).toEqual([optimizer, 64, 6]);
    expect(rates(run.schedule)).toEqual(rates(cosineDecay()));
  });
});

describe('the default optimizer', () => {
  const encoded: EmbeddingReading = {
    kind: 'embeddings',
    path: 'encoder',
    file: 'model.safetensors',
    model: 'hash',
    output: 'last_hidden_state',
    ...{dimensions: 32, tokens: 12, length: 100},
  };

  it('decays weights by as much over a long run as over a short one, and not those behind words', () => {
    const left = (steps: number, student: Pick<Student, 'reading'> = {}) => {
      const weight = tf.variable(tf.scalar(1));
      const optimizer = defaultOptimizer(student, steps);
      const running = optimizer.start([weight]);
      const rate = tf.scalar(optimizer.learningRate);
      for (let step = 0; step < steps; step++) tf.tidy(() => running.apply([tf.scalar(0)], rate));
      rate.dispose();
      const [value] = weight.dataSync<'float32'>();
      tf.dispose([weight, ...running.slots]);
      return value!;
    };
    expect(left(1000)).toBeCloseTo(Math.exp(-2), 2);
    expect(left(3000)).toBeCloseTo(Math.exp(-2), 2);
    expect(left(1000, {reading})).toBe(1);
    expect(left(1000, {reading: encoded})).toBeCloseTo(Math.exp(-2), 2);
    // A short run is not pressed harder for it.
    expect(left(100)).toBeCloseTo(Math.exp(-0.2), 2);
  });

  it('takes a fifth of the rate behind a frozen encoder', () => {
    expect([{}, {reading}, {reading: encoded}].map(student => defaultOptimizer(student, 1000).learningRate)).toEqual([
      0.01, 0.01, 0.002,
    ]);
  });
});
