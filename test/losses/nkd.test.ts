import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {type NkdOptions, nkd, nkdLoss} from '../../src/losses/nkd.ts';
import {batch, expectReference, golden, literature, numberOf} from './engine.ts';

beforeAll(async () => {
  await startEngine();
});

function loss(teacher: number[][], student: number[][], labels: number[], options?: NkdOptions): number {
  const y = tf.tensor1d(labels, 'int32');
  return tf.tidy(() => nkdLoss(tf.tensor2d(teacher), tf.tensor2d(student), y, options).dataSync()[0]!);
}

describe('the normalised loss', () => {
  it.each([
    ['NKD T1 g1.5', 'NKD T 1, gamma 1.5', {}],
    ['NKD T3 g3.5', 'NKD T 3, gamma 3.5', {temperature: 3, gamma: 3.5}],
  ])("is the authors' value, with its gradient: %s", (published, second, options) => {
    const expected = golden.values[published]!;
    const found = loss(golden.ZT, golden.ZS, golden.y, options);
    expect(Math.abs(found - expected)).toBeLessThan(1e-5 * Math.max(1, expected));
    const {teacher, student, labels} = batch();
    expectReference(literature[second]!, x => nkdLoss(teacher, x as tf.Tensor2D, labels, options), student);
  });

  it('is cross-entropies: at equality their entropies and not 0', () => {
    // p = [½, ¼, ¼]: ½ log 2, and of the others, [½, ½], log 2.
    const rows = [[Math.log(2), 0, 0]];
    expect(loss(rows, rows, [0], {gamma: 1})).toBeCloseTo(1.5 * Math.log(2), 5);
  });

  it('has no gradient left in the others where they are in the right proportion', () => {
    const byStudent = (x: tf.Tensor) =>
      nkdLoss(tf.tensor2d([[0, 1, 3]]), x as tf.Tensor2D, tf.tensor1d([0], 'int32'), {temperature: 2, gamma: 5});
    // The label's own part pulls both down alike: by q₁ and q₂ times p_y.
    const [, second, third] = tf
      .grad(byStudent)(tf.tensor2d([[4, -2, 0]]))
      .dataSync();
    const [, q1, q2] = tf.softmax(tf.tensor1d([4, -2, 0])).dataSync();
    expect(second! / third!).toBeCloseTo(q1! / q2!, 2);
  });
});

describe('the normalised term', () => {
  it('weighs 1 and takes T = 1 and γ = 1.5 unless told otherwise', () => {
    const {teacher, student, labels} = batch();
    expect(nkd()).toMatchObject({name: 'nkd', weight: 1, temperature: 1, needs: {kind: 'log-probabilities'}});
    const value = numberOf(nkd().compare({teacher, student, labels}, 1));
    expect(value).toBeCloseTo(golden.values['NKD T1 g1.5']!, 5);
  });

  it('refuses options that make no sense', () => {
    expect(() => nkd({gamma: -1})).toThrow('Expected `gamma`');
    expect(() => nkd({temperature: 0})).toThrow('Expected `temperature`');
  });
});
