import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {similarityLoss, similarityPreserving} from '../../src/losses/similarity-preserving.ts';
import {expectReference, features, golden, literature, numberOf} from './engine.ts';

beforeAll(async () => {
  await startEngine();
});

describe('the loss of similarities', () => {
  it("is the published code's value, with its gradient", () => {
    const {teacher, student} = features();
    expect(numberOf(similarityLoss(teacher, student))).toBeCloseTo(golden.values['SP']!, 5);
    expectReference(literature['similarity']!, x => similarityLoss(teacher, x), student);
  });

  it('is blind to the scale of either side, and to the order of its values', () => {
    const {teacher, student} = features();
    const plain = numberOf(similarityLoss(teacher, student));
    const changed = similarityLoss(tf.mul(teacher, 7), tf.reverse(tf.mul(student, 0.2), 1));
    expect(numberOf(changed)).toBeCloseTo(plain, 5);
  });

  it('is what comes out by hand for two examples that are alike to one side and unlike to the other', () => {
    // Rows of G: [1, 1] / √2 against [1, 0] and [0, 1]: each row is 2 − √2 away, over batch².
    const alike = tf.tensor2d([[1], [1]]);
    const unlike = tf.tensor2d([
      [1, 0],
      [0, 1],
    ]);
    expect(numberOf(similarityLoss(alike, unlike))).toBeCloseTo((2 * (2 - Math.SQRT2)) / 4, 6);
  });
});

describe('the term of similarities', () => {
  it('weighs 3000, takes any two layers and has no variables', () => {
    const term = similarityPreserving({teacher: 'fc', student: 'hidden'});
    const needs = {kind: 'logits', features: ['fc']};
    const name = 'similarity-preserving (fc to hidden)';
    expect(term).toMatchObject({name, weight: 3000, needs, studentFeatures: ['hidden']});
    expect(term.prepare({teacher: {fc: [2, 2, 4]}, student: {hidden: [3]}}, 1).variables).toEqual([]);
  });
});
