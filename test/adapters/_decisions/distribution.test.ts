import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {answerOf} from '../../../adapters/_decisions/distribution.ts';

const rounded = (value: number, decimals: number) => Number(value.toFixed(decimals));

function problemOf(answer: ReturnType<typeof answerOf>): string | undefined {
  return 'problem' in answer ? answer.problem : undefined;
}

/** A distribution over a few options. */
const distributions = fc
  .array(fc.double({min: 1e-3, max: 1, noNaN: true}), {minLength: 2, maxLength: 10})
  .map(weights => {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return weights.map(weight => weight / total);
  });

describe('a printed distribution', () => {
  it('that is rounded is read, with what its service calls the answer and the score', () => {
    fc.assert(
      fc.property(distributions, fc.integer({min: 2, max: 6}), (exact, decimals) => {
        const probabilities = exact.map(value => rounded(value, decimals));
        const choice = exact.indexOf(Math.max(...exact));
        const score = rounded(
          exact.reduce((sum, value, level) => sum + level * value, 0),
          decimals,
        );
        const answer = answerOf({probabilities, choice, score}, decimals);
        expect(problemOf(answer)).toBeUndefined();
        if (!('kind' in answer) || answer.kind !== 'top-k') throw new Error('no top-k answer');
        const total = probabilities.reduce((sum, value) => sum + value, 0);
        expect(answer.rest).toBeCloseTo(Math.max(0, 1 - total), 6);
        const named = [...answer.classes].sort((a, b) => a - b);
        expect(named).toEqual([...probabilities.keys()].filter(index => probabilities[index]! > 0));
        for (const [at, own] of answer.classes.entries()) {
          expect(Math.exp(answer.logProbabilities[at]!)).toBeCloseTo(probabilities[own]! / Math.max(1, total), 6);
        }
      }),
    );
  });

  it('whose sum no rounding explains is not read', () => {
    fc.assert(
      fc.property(distributions, fc.integer({min: 2, max: 6}), fc.boolean(), (exact, decimals, isMore) => {
        const probabilities = exact.map(value => rounded(value, decimals));
        const total = probabilities.reduce((sum, value) => sum + value, 0);
        const beyond = exact.length * 10 ** -decimals + 1e-5;
        const largest = probabilities.indexOf(Math.max(...probabilities));
        const own = probabilities[largest]! + (isMore ? 1 : -1) * (beyond + Math.abs(total - 1));
        fc.pre(own >= 0 && own <= 1);
        const changed = probabilities.with(largest, own);
        expect(problemOf(answerOf({probabilities: changed}, decimals))).toMatch(/sum to .* does not explain/);
      }),
    );
  });

  it('whose choice or score contradicts it is not read', () => {
    fc.assert(
      fc.property(distributions, fc.integer({min: 2, max: 6}), (exact, decimals) => {
        const probabilities = exact.map(value => rounded(value, decimals));
        const least = exact.indexOf(Math.min(...exact));
        const unit = 10 ** -decimals;
        if (Math.max(...probabilities) - probabilities[least]! > 1.5 * unit) {
          expect(problemOf(answerOf({probabilities, choice: least}, decimals))).toMatch(/not the most probable/);
        }
        const expected = exact.reduce((sum, value, level) => sum + level * value, 0);
        const score = expected + exact.length ** 2 * unit + unit;
        expect(problemOf(answerOf({probabilities, score}, decimals))).toMatch(/Its score is/);
      }),
    );
  });

  it('keeps what is missing to 1 as its rest, and divides by a sum above 1 only', () => {
    const thirds = answerOf({probabilities: [0.33, 0.33, 0.33], choice: 1}, 2);
    expect(thirds).toMatchObject({kind: 'top-k', rest: expect.closeTo(0.01, 6)});
    // Of equal ones, the choice of the service is first.
    expect(thirds).toMatchObject({classes: Int32Array.of(1, 0, 2)});
    expect(thirds).toMatchObject({logProbabilities: Float32Array.from([0.33, 0.33, 0.33], Math.log)});
    const over = answerOf({probabilities: [0.34, 0.67]}, 2);
    expect(over).toMatchObject({kind: 'top-k', rest: expect.closeTo(0, 6), classes: Int32Array.of(1, 0)});
    expect(Math.exp((over as {logProbabilities: Float32Array}).logProbabilities[0]!)).toBeCloseTo(0.67 / 1.01, 6);
  });

  it('does not name what is printed as zero', () => {
    expect(answerOf({probabilities: [0, 1]}, 2)).toEqual({
      ...{kind: 'top-k', classes: Int32Array.of(1), logProbabilities: Float32Array.of(0), rest: 0},
    });
    const many = answerOf({probabilities: new Array<number>(255).fill(0)}, 2);
    expect(problemOf(many)).toBe('With 2 decimals it prints each of 255 probabilities as 0.');
  });

  it('that is not rounded becomes log-probabilities as they are', () => {
    const probabilities = [0.1, 0.2, 0.7].map(Math.fround);
    expect(answerOf({probabilities, choice: 2, score: 1.6}, undefined)).toEqual({
      ...{kind: 'log-probabilities', logProbabilities: Float32Array.from(probabilities, Math.log)},
    });
  });

  it('that lacks more than its decimals explain does not speak of rounding', () => {
    const lacking = {problem: 'Its probabilities sum to 0.9900, not 1.'};
    expect(answerOf({probabilities: [1 / 3, 1 / 3, 0.99 - 2 / 3]}, undefined)).toEqual(lacking);
    expect(answerOf({probabilities: [0.3331, 0.3331, 0.3238]}, undefined)).toEqual(lacking);
  });

  it('that is rounded although it was not declared says so, as scores of another kind do', () => {
    const answer = answerOf({probabilities: [0.33, 0.33, 0.33]}, undefined);
    expect(answer).toEqual({
      ...{
        problem:
          'Its probabilities sum to 0.9900, not 1. They are printed with up to 2 decimals. If the service rounds, set `decimals: 2`.',
      },
      misread: true,
    });
  });

  it.each([[[1.07, -0.07]], [[Number.NaN, 1]]])('%j is none', probabilities => {
    expect(problemOf(answerOf({probabilities}, 2))).toBe('It gave a probability that is not between 0 and 1.');
  });
});
