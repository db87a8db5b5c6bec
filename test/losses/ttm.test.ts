import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {softLabelLoss} from '../../src/losses/soft-labels.ts';
import {ttm, ttmLoss} from '../../src/losses/ttm.ts';
import {batch, expectReference, golden, literature, numberOf} from './engine.ts';

beforeAll(async () => {
  await startEngine();
});

describe('the loss of a transformed teacher', () => {
  it.each([
    ['TTM', 0.1, false],
    ['TTM', 0.2, false],
    ['WTTM', 0.1, true],
    ['WTTM', 0.2, true],
  ] as const)("is the authors' value, with its gradient: %s at γ = %d", (name, γ, weighted) => {
    const {teacher, student} = batch();
    const options = {temperature: 1 / γ, weighted};
    expect(numberOf(ttmLoss(teacher, student, options))).toBeCloseTo(golden.values[`${name} g=${γ}`]!, 5);
    const reference = literature[`${name} gamma ${γ}`]!;
    expectReference(reference, x => ttmLoss(teacher, x as tf.Tensor2D, options), student);
  });

  it('is the loss of soft labels at T = 1, weighted or not', () => {
    const {teacher, student} = batch();
    const expected = numberOf(softLabelLoss(teacher, student, {temperature: 1}));
    for (const weighted of [true, false]) {
      expect(numberOf(ttmLoss(teacher, student, {temperature: 1, weighted}))).toBeCloseTo(expected, 5);
    }
  });

  it('softens the teacher alone: a student that is the softened teacher has nothing to learn', () => {
    const {teacher} = batch();
    const softened = tf.div(teacher, 3) as tf.Tensor2D;
    for (const weighted of [true, false]) {
      expect(numberOf(ttmLoss(teacher, softened, {temperature: 3, weighted}))).toBeCloseTo(0, 6);
      expect(numberOf(ttmLoss(teacher, teacher, {temperature: 3, weighted}))).toBeGreaterThan(0.05);
    }
  });

  it('weighs examples by how unsure the teacher is, from 1 to K', () => {
    // A teacher that is sure has U = 1, one that knows nothing U = K^(1 − γ).
    const student = tf.tensor2d([[0, 1, 2, 3]]);
    const ratio = (row: number[]) => {
      const teacher = tf.tensor2d([row]);
      const [weighted, plain] = [true, false].map(weighted => ttmLoss(teacher, student, {temperature: 2, weighted}));
      return numberOf(weighted!) / numberOf(plain!);
    };
    expect(ratio([200, 0, 0, 0])).toBeCloseTo(1, 5);
    expect(ratio([0, 0, 0, 0])).toBeCloseTo(2, 5);
  });
});

describe('the term of a transformed teacher', () => {
  it('weighs 4, and by U, at T = 4 unless told otherwise', () => {
    const {teacher, student, labels} = batch();
    expect(ttm()).toMatchObject({name: 'wttm', weight: 4, temperature: 4, needs: {kind: 'log-probabilities'}});
    expect(ttm({weighted: false, weight: 45}).name).toBe('ttm');
    const value = numberOf(ttm().compare({teacher, student, labels}, 10));
    expect(value).toBeCloseTo(golden.values['WTTM g=0.1']!, 5);
    expect(() => ttm({temperature: 0})).toThrow('Expected `temperature`');
  });
});
