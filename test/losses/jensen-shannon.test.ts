import fc from 'fast-check';
import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {type JensenShannonOptions, jensenShannon, jensenShannonLoss} from '../../src/losses/jensen-shannon.ts';
import {softLabelLoss} from '../../src/losses/soft-labels.ts';
import {pairOfLogits} from './arbitraries.ts';
import {batch, expectReference, golden, literature} from './engine.ts';

beforeAll(async () => {
  await startEngine();
});

function loss(teacher: number[][], student: number[][], options?: JensenShannonOptions): number {
  return tf.tidy(() => jensenShannonLoss(tf.tensor2d(teacher), tf.tensor2d(student), options).dataSync()[0]!);
}

function kl(teacher: number[][], student: number[][], direction: 'forward' | 'reverse'): number {
  const options = {temperature: 1, direction};
  return tf.tidy(() => softLabelLoss(tf.tensor2d(teacher), tf.tensor2d(student), options).dataSync()[0]!);
}

describe('the generalised Jensen-Shannon divergence', () => {
  it.each([0, 0.1, 0.5, 0.9, 1])("is the authors' value, with its gradient, at β = %d", beta => {
    expect(loss(golden.ZT, golden.ZS, {beta})).toBeCloseTo(golden.values[`GJSD b=${beta} T1`]!, 5);
    const {teacher, student} = batch();
    const reference = literature[`Jensen-Shannon beta ${beta}`]!;
    expectReference(reference, x => jensenShannonLoss(teacher, x as tf.Tensor2D, {beta}), student);
  });

  it('softens both sides, times T² unless told otherwise', () => {
    const {teacher, student} = batch();
    const {'Jensen-Shannon beta 0.5, T 2': reference} = literature;
    expectReference(reference!, x => jensenShannonLoss(teacher, x as tf.Tensor2D, {temperature: 2}), student);
    const unscaled = loss(golden.ZT, golden.ZS, {temperature: 2, scaleByT2: false});
    expect(4 * unscaled).toBeCloseTo(reference!.value, 5);
  });

  it('is the same with both sides exchanged and 1 − β', () => {
    // Tenths: a β that is nearly 0 or 1 is far from being it, and 1 − β may round to it.
    const beta = fc.integer({min: 0, max: 10}).map(tenths => tenths / 10);
    fc.assert(
      fc.property(pairOfLogits(), beta, ([teacher, student], beta) => {
        const there = loss(teacher, student, {beta});
        expect(Math.abs(there - loss(student, teacher, {beta: 1 - beta}))).toBeLessThan(1e-4);
      }),
      {numRuns: 50},
    );
  });

  it('never exceeds log 2 between 0 and 1, even for opposites', () => {
    const opposites: [number[][], number[][]] = [[[500, -500]], [[-500, 500]]];
    expect(loss(...opposites)).toBeCloseTo(Math.log(2), 5);
    expect(loss(...opposites, {beta: 0})).toBeCloseTo(1000, 1);
    expect(loss(...opposites, {beta: 0.01})).toBeLessThan(Math.log(2));
  });

  it('close to 0 is β times the forward divergence, and close to 1 is 1 − β times the reverse one', () => {
    const little = 1e-3;
    const pair: [number[][], number[][]] = [golden.ZT, golden.ZS];
    expect(loss(...pair, {beta: little}) / little).toBeCloseTo(kl(...pair, 'forward'), 2);
    expect(loss(...pair, {beta: 1 - little}) / little).toBeCloseTo(kl(...pair, 'reverse'), 2);
  });
});

describe('its term', () => {
  it('weighs 1 and takes T = 1 and β = ½ unless told otherwise', () => {
    const {teacher, student, labels} = batch();
    const term = jensenShannon();
    expect(term).toMatchObject({name: 'jensen-shannon', weight: 1, temperature: 1});
    const value = term.compare({teacher, student, labels}, 1).dataSync()[0]!;
    expect(value).toBeCloseTo(golden.values['GJSD b=0.5 T1']!, 5);
  });

  it('refuses options that make no sense', () => {
    expect(() => jensenShannon({beta: 1.1})).toThrow('Expected `beta` to be from 0 to 1, got 1.1.');
    expect(() => jensenShannon({temperature: -1})).toThrow('Expected `temperature`');
  });
});
