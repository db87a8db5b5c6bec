import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {pkt, pktLoss} from '../../src/losses/pkt.ts';
import {expectReference, features, golden, literature, numberOf} from './engine.ts';

beforeAll(async () => {
  await startEngine();
});

describe('the loss of neighbours', () => {
  it("is the authors' value, with its gradient", () => {
    const {teacher, student} = features();
    expect(numberOf(pktLoss(teacher, student))).toBeCloseTo(golden.values['PKT']!, 5);
    expectReference(literature['PKT']!, x => pktLoss(teacher, x), student);
  });

  it('is blind to the length of each example', () => {
    const {teacher, student} = features();
    const plain = numberOf(pktLoss(teacher, student));
    const changed = pktLoss(tf.mul(teacher, [[2], [0.5], [7]]), tf.mul(student, [[3], [1], [0.1]]));
    expect(numberOf(changed)).toBeCloseTo(plain, 5);
  });

  it('is finite where two examples are opposites, whose kernel is 0', () => {
    const opposites = tf.tensor2d([[1], [-1]]);
    const alike = tf.tensor2d([[1], [1]]);
    // p = [½, ½] in each row against q = [1, 0]: ½ log ½ + ½ log(½ / 1e-7).
    const expected = (0.5 * Math.log(0.5) + 0.5 * Math.log(0.5e7)) / 2;
    expect(numberOf(pktLoss(alike, opposites))).toBeCloseTo(expected, 4);
    const gradient = tf
      .grad(x => pktLoss(alike, x))(opposites)
      .dataSync();
    expect(gradient.every(Number.isFinite)).toBe(true);
  });
});

describe('the term of neighbours', () => {
  it('weighs 30 000, takes any two layers and has no variables', () => {
    const term = pkt({teacher: 'fc', student: 'hidden'});
    const needs = {kind: 'logits', features: ['fc']};
    expect(term).toMatchObject({name: 'pkt (fc to hidden)', weight: 30_000, needs, studentFeatures: ['hidden']});
    expect(term.prepare({teacher: {fc: [4]}, student: {hidden: [3, 3, 2]}}, 1).variables).toEqual([]);
  });
});
