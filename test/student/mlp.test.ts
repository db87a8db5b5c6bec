import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {InputError} from '../../src/errors.ts';
import {mlp} from '../../src/student/mlp.ts';
import {weightsHash} from '../../src/student/weights-hash.ts';
import {imageTask, parameters} from './examples.ts';

beforeAll(startEngine);

const namesIn = (names: readonly {readonly name: string}[]) => names.map(({name}) => name);

describe('mlp', () => {
  it('flattens images and has one weight a connection', () => {
    const student = mlp({units: [64, 32]})(imageTask([28, 28, 1]), 1);
    expect(namesIn(student.model.layers)).toEqual(['input', 'flatten', 'dense_1', 'dense_2', 'logits']);
    expect(parameters(student).all).toBe(784 * 64 + 64 + (64 * 32 + 32) + (32 * 10 + 10));
    expect(student.output).toBe('logits');
  });

  it('takes flat inputs as they are', () => {
    const student = mlp()(imageTask([784]), 1);
    expect(namesIn(student.model.layers)).toEqual(['input', 'dense_1', 'logits']);
    expect(parameters(student).all).toBe(784 * 64 + 64 + 64 * 10 + 10);
  });

  it('names layers and weights alike however many models were made before', () => {
    const make = () => mlp()(imageTask([784]), 1);
    const [first, , third] = [make(), make(), make()];
    expect(namesIn(third.model.layers)).toEqual(namesIn(first.model.layers));
    const weights = third.model.weights.map(({originalName}) => originalName);
    expect(weights).toEqual(['dense_1/kernel', 'dense_1/bias', 'logits/kernel', 'logits/bias']);
  });

  it('starts from the same bits at the same seed, from others at another', () => {
    const make = (seed: number) => weightsHash(mlp({units: [16, 16]})(imageTask([16]), seed));
    const [first, again, other] = [make(3), make(3), make(4)];
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  });

  it('gives layers of one shape weights of their own', () => {
    const {model} = mlp({units: [16, 16]})(imageTask([16]), 3);
    const [one, two] = ['dense_1', 'dense_2'].map(name => model.getLayer(name).getWeights()[0]!.dataSync());
    expect(one).not.toEqual(two);
  });

  it('starts hidden layers with a spread of about the square root of 2 / inputs', () => {
    const {model} = mlp({units: [512]})(imageTask([200]), 5);
    const kernel = model.getLayer('dense_1').getWeights()[0]!.dataSync<'float32'>();
    const spread = Math.sqrt(kernel.reduce((sum, value) => sum + value * value, 0) / kernel.length);
    // A normal cut off at two deviations has 0.88 of its spread.
    expect(spread / Math.sqrt(2 / 200)).toBeCloseTo(0.88, 2);
  });

  it('refuses a width that is no whole number above 0', () => {
    expect(() => mlp({units: [64, 0]})).toThrow(InputError);
    expect(() => mlp({units: [1.5]})).toThrow('whole numbers of at least 1, got 1.5');
  });
});
