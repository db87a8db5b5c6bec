import {beforeAll, describe, expect, it} from 'vitest';
import {randomNormals, seededRandom} from '../../src/data/random.ts';
import {asSplit} from '../../src/data/split.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {type Knowledge, trueLabels} from '../../src/knowledge/knowledge.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {expectedLabels} from '../../src/losses/score-labels.ts';
import {asTeacher} from '../../src/student/as-teacher.ts';
import {mlp} from '../../src/student/mlp.ts';
import {judgeFit} from '../../src/train/fit.ts';
import {adam, sgd} from '../../src/train/optimizer.ts';
import type {TrainOptions} from '../../src/train/options.ts';
import {constantRate, cosineDecay} from '../../src/train/schedule.ts';
import {train} from '../../src/train/train.ts';
import {type Fit, type Moment, PARTS} from '../../src/train/trend.ts';

beforeAll(startEngine);

const classes = ['a', 'b', 'c'];

/** Points around three centres. */
function clouds(count: number, seed: number) {
  const labels = Int32Array.from({length: count}, (_, index) => index % 3);
  const noise = randomNormals(seededRandom(seed, 'clouds'), count * 6);
  const data = Float32Array.from(noise, (value, index) => {
    const label = labels[Math.floor(index / 6)]!;
    return 0.3 * value + (index % 3 === label ? 1 : 0);
  });
  return {inputs: {kind: 'tensor', dtype: 'float32', shape: [6], count, data} as const, labels};
}

const build = (seed = 1) => mlp({units: [16]})({classes, inputShape: [6], preprocessing: {}}, seed);
const separable = trueLabels(clouds(150, 1), classes);

async function fitAfter(options: Partial<TrainOptions>, knowledge: Knowledge = separable): Promise<Fit | undefined> {
  const fits: Fit[] = [];
  const student = build(options.seed);
  const all = {losses: [hardLabels()], seed: 1, epochs: 10, batchSize: 16, onFit: (fit: Fit) => void fits.push(fit)};
  for await (const _ of train(student, knowledge, {...all, ...options}));
  student.model.dispose();
  expect(fits.length).toBeLessThan(2);
  return fits[0];
}

describe('the fit of a student', () => {
  it('is too loose after few steps, and not after many', async () => {
    for (const seed of [1, 2, 3]) {
      expect(await fitAfter({seed, epochs: 15, optimizer: adam()})).toMatchObject({underfitted: true});
      const many = await fitAfter({seed, epochs: 60, optimizer: adam({learningRate: 0.01})});
      expect(many).toMatchObject({underfitted: false});
      expect(many!.trainingAgreement).toBeGreaterThan(0.99);
    }
  });

  it('of expected levels goes by the level that is nearest to the student’s own', async () => {
    const {inputs, labels} = clouds(150, 1);
    const levels = Float32Array.from(labels, label => 0.25 + 0.75 * label);
    const source = {access: 'gray-box', identity: {service: 'made up'}} as const;
    const answers = {kind: 'expected', count: 150, levels} as const;
    const knowledge: Knowledge = {source, classes, detail: {kind: 'expected'}, inputs, answers};
    const optimizer = adam({learningRate: 0.01});
    const fit = await fitAfter({losses: [expectedLabels()], epochs: 60, optimizer}, knowledge);
    expect(fit).toMatchObject({underfitted: false});
    expect(fit!.trainingAgreement).toBeGreaterThan(0.95);
  });

  it('is too loose with a rate that is far too low, under any schedule', async () => {
    for (const schedule of [constantRate(), cosineDecay()]) {
      const optimizer = sgd({learningRate: 1e-4});
      expect(await fitAfter({epochs: 30, optimizer, schedule})).toMatchObject({underfitted: true});
    }
  });

  it('is too loose after so few steps that nothing can be told of the loss', async () => {
    const fit = await fitAfter({epochs: 1, batchSize: 150});
    expect(fit).toMatchObject({fall: 0, underfitted: true});
  });

  it('is as tight as it can be if equal inputs have different answers', async () => {
    const {inputs} = clouds(150, 1);
    const data = inputs.data.map((_, index) => inputs.data[index % 18]!);
    const coin = randomNormals(seededRandom(3, 'coins'), 150);
    const labels = Int32Array.from(coin, (value, index) => (value > 0.7 ? index + 1 : index) % 3);
    const contradictory = trueLabels({inputs: {...inputs, data}, labels}, classes);
    const fit = await fitAfter({epochs: 60, optimizer: adam({learningRate: 0.01})}, contradictory);
    expect(fit!.trainingAgreement).toBeLessThan(0.9);
    expect(fit!.underfitted).toBe(false);
  });

  it('is not called too loose if validation has ended the run', async () => {
    const options = {
      epochs: 30,
      validation: asSplit('validation', clouds(60, 2)),
      optimizer: sgd({learningRate: 1e-6}),
    };
    expect(await fitAfter({...options, earlyStopping: {patience: 2}})).toMatchObject({underfitted: false});
  });

  it('is not told if the answers of a live teacher were not kept', async () => {
    expect(await fitAfter({teacher: asTeacher(build(5))})).toBeUndefined();
  });
});

describe('judgeFit', () => {
  const moments = (valueAt: (movement: number) => number): readonly Moment[] =>
    Array.from({length: PARTS}, (_, part) => (part + 1) / PARTS).map(movement => ({
      movement,
      value: valueAt(movement),
    }));
  const falling = {
    trainingAgreement: 0.8,
    mostFrequent: 0.5,
    stopped: false,
    steps: 1000,
    losses: moments(movement => 1 / movement),
    validation: [],
  };

  it('finds a student underfitted that has answers left to learn while its loss falls', () => {
    expect(judgeFit(falling)).toMatchObject({trainingAgreement: 0.8, underfitted: true});
    expect(judgeFit({...falling, trainingAgreement: 0.96}).underfitted).toBe(false);
    expect(judgeFit({...falling, losses: moments(() => 1)}).underfitted).toBe(false);
  });

  it('finds a student underfitted that names little but the most frequent class, even if its loss rests', () => {
    const resting = {...falling, losses: moments(() => 1)};
    expect(judgeFit({...resting, trainingAgreement: 0.7, mostFrequent: 0.69}).underfitted).toBe(true);
    expect(judgeFit({...resting, trainingAgreement: 0.8, mostFrequent: 0.69}).underfitted).toBe(false);
    expect(judgeFit({...resting, trainingAgreement: 1, mostFrequent: 1}).underfitted).toBe(false);
  });

  it('does not want a student trained longer that learns by heart while validation does not grow', () => {
    const growing = moments(movement => 0.7 + 0.02 * Math.log(movement));
    expect(judgeFit({...falling, validation: growing}).underfitted).toBe(true);
    expect(judgeFit({...falling, validation: moments(movement => 0.7 - 0.02 * movement)}).underfitted).toBe(false);
    // Too few measurements say nothing.
    expect(judgeFit({...falling, validation: moments(() => 0.7).slice(0, 5)}).underfitted).toBe(true);
  });
});
