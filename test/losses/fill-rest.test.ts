import {readFileSync} from 'node:fs';
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import type {TopKAnswers} from '../../src/knowledge/answers.ts';
import {fillRest} from '../../src/losses/targets.ts';

interface ReferenceAnswer {
  readonly classes: number[];
  readonly logProbabilities: number[];
  readonly rest: number;
}

const reference: {
  readonly top2: ReferenceAnswer[];
  readonly filled: number[][];
  readonly capped: {readonly answer: ReferenceAnswer; readonly filled: number[]};
} = JSON.parse(readFileSync('test/fixtures/losses/top-k.json', 'utf8'));

function table(...rows: ReferenceAnswer[]): TopKAnswers {
  return {
    kind: 'top-k',
    count: rows.length,
    k: rows[0]!.classes.length,
    classes: Int32Array.from(rows.flatMap(row => row.classes)),
    logProbabilities: Float32Array.from(rows.flatMap(row => row.logProbabilities)),
    rest: Float32Array.from(rows.map(row => row.rest)),
  };
}

function expectClose(actual: ArrayLike<number>, expected: readonly number[]): void {
  expect(actual.length).toBe(expected.length);
  for (const [index, value] of expected.entries()) expect(actual[index], `value ${index}`).toBeCloseTo(value, 5);
}

const probabilitiesOf = (answer: ReferenceAnswer, classes: number) =>
  fillRest(table(answer), classes).logProbabilities.map(Math.exp);

describe('the rest of a top-k answer', () => {
  it('is spread evenly over the classes not named, as a second implementation does', () => {
    const {logProbabilities, named} = fillRest(table(...reference.top2), 4);
    expectClose(logProbabilities, reference.filled.flat());
    expect([...named]).toEqual([1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1]);
  });

  it('gives no class more than the smallest named one, and the whole is renormalised', () => {
    expectClose(fillRest(table(reference.capped.answer), 4).logProbabilities, reference.capped.filled);
  });

  it('is left out where every class is named', () => {
    const answer = {classes: [1, 0], logProbabilities: [Math.log(0.75), Math.log(0.25)], rest: 0.5};
    const {logProbabilities, named} = fillRest(table(answer), 2);
    expectClose(logProbabilities.map(Math.exp), [0.25, 0.75]);
    expect([...named]).toEqual([1, 1]);
  });

  it('is a little where rounding left nothing or less than nothing', () => {
    for (const rest of [0, -1e-7]) {
      const answer = {classes: [0, 1], logProbabilities: [Math.log(0.7), Math.log(0.3)], rest};
      const {logProbabilities} = fillRest(table(answer), 4);
      expectClose(logProbabilities.map(Math.exp), [0.7, 0.3, 0, 0]);
      expect(logProbabilities[2]).toBeCloseTo(Math.log(1e-8), 4);
    }
  });

  it('is renormalised away where rounding made the sum more than 1', () => {
    const answer = {classes: [0, 1], logProbabilities: [Math.log(0.8), Math.log(0.4)], rest: 0};
    expectClose(probabilitiesOf(answer, 3), [2 / 3, 1 / 3, 0]);
  });

  it('is shared by all other classes where only one is named', () => {
    expectClose(
      probabilitiesOf({classes: [2], logProbabilities: [Math.log(0.4)], rest: 0.6}, 5),
      [0.15, 0.15, 0.4, 0.15, 0.15],
    );
  });

  it('goes to a class named with probability 0 as to one not named', () => {
    for (const nothing of [Number.NEGATIVE_INFINITY, -9999]) {
      const answer = {classes: [0, 1], logProbabilities: [Math.log(0.6), nothing], rest: 0.4};
      const {logProbabilities, named} = fillRest(table(answer), 3);
      expectClose(logProbabilities.map(Math.exp), [0.6, 0.2, 0.2]);
      expect([...named]).toEqual([1, 0, 0]);
    }
  });

  it('skips the places of a row that names fewer than k classes', () => {
    const answer = {classes: [1, -1], logProbabilities: [Math.log(0.5), Number.NEGATIVE_INFINITY], rest: 0.5};
    expectClose(probabilitiesOf(answer, 3), [0.25, 0.5, 0.25]);
  });

  it('is refused where an answer names nothing at all', () => {
    const answer = {classes: [0, 1], logProbabilities: [Number.NEGATIVE_INFINITY, Number.NaN], rest: 1};
    expect(() => fillRest(table(answer), 3)).toThrow('Answer 0 names no class with a probability above 0.');
  });

  it('leaves a distribution in which the named classes keep their odds', () => {
    const answers = fc.tuple(fc.integer({min: 1, max: 6}), fc.integer({min: 0, max: 6})).chain(([k, unnamed]) =>
      fc.record({
        scores: fc.array(fc.double({min: -12, max: 0, noNaN: true}), {minLength: k, maxLength: k}),
        rest: fc.double({min: 0, max: 1, noNaN: true}),
        classes: fc.constant(k + unnamed),
      }),
    );
    fc.assert(
      fc.property(answers, ({scores, rest, classes}) => {
        const sorted = [...scores].sort((a, b) => b - a);
        const answer = {classes: sorted.map((_, index) => index), logProbabilities: sorted, rest};
        const {logProbabilities, named} = fillRest(table(answer), classes);
        expect(logProbabilities.every(Number.isFinite)).toBe(true);
        expect(logProbabilities.reduce((sum, value) => sum + Math.exp(value), 0)).toBeCloseTo(1, 5);
        for (const [index, score] of sorted.entries()) {
          expect(logProbabilities[index]! - logProbabilities[0]!).toBeCloseTo(score - sorted[0]!, 4);
        }
        const least = logProbabilities[sorted.length - 1]!;
        for (const [index, isNamed] of named.entries()) {
          if (!isNamed) expect(logProbabilities[index]!).toBeLessThanOrEqual(least + 1e-6);
        }
      }),
    );
  });
});
