import {readFileSync} from 'node:fs';
import {describe, expect, it} from 'vitest';
import {randomFraction, seededRandom, shuffledIndices} from '../../src/data/random.ts';
import {type NestedParts, nestedParts} from '../../src/select/nested-parts.ts';
import {nextAnswers} from '../../src/select/next-answers.ts';

const sklearn = JSON.parse(readFileSync(new URL('../fixtures/select/nested-parts.json', import.meta.url), 'utf8'));

describe('nestedParts', () => {
  it("gives what scikit-learn's kernel ridge regression gives on each part by itself", () => {
    const {labels, classes, given, likeness, order, sizes, agrees} = sklearn;
    expect([...shuffledIndices(order.length, 1, 'parts of a learning curve')]).toEqual(order);
    const parts = nestedParts({labels, classes, given, likeness: Float64Array.from(likeness)}, 1)!;
    expect(parts.sizes).toEqual(sizes);
    expect(parts.agrees.map(row => [...row])).toEqual(agrees);
  });

  it('knows nothing of a few answers', () => {
    const likeness = Float64Array.from({length: 23 * 23}, (_, at) => (at % 24 === 0 ? 1 : 0));
    expect(nestedParts({labels: new Int32Array(23), classes: 2, likeness}, 1)).toBeUndefined();
  });
});

const SIZES = [42, 59, 83, 118, 167, 236, 333];

/** Answers about which a classifier errs with planted odds. What is hard is so at all sizes. */
function planted(oddsAt: (size: number) => number, hardness: Float64Array): NestedParts {
  const agrees = SIZES.map(size => hardness.map(hard => (hard > errorBy(oddsAt(size)) ? 1 : 0)));
  return {sizes: SIZES, agrees: agrees.map(row => Uint8Array.from(row))};
}

const even = Float64Array.from({length: 3000}, (_, index) => (index + 0.5) / 3000);

function drawn(count: number, seed: number): Float64Array {
  const random = seededRandom(seed);
  return Float64Array.from({length: count}, () => randomFraction(random));
}

const errorBy = (odds: number): number => odds / (1 + odds);

describe('nextAnswers', () => {
  it('finds the gain of a curve of log odds, with many errors and with few', () => {
    for (const scale of [300, 20]) {
      const oddsAt = (answers: number) => scale / answers;
      const {gain, interval} = nextAnswers(planted(oddsAt, even), {now: 500, more: 500, seed: 1});
      const brought = errorBy(oddsAt(500)) - errorBy(oddsAt(1000));
      expect(Math.abs(gain - brought)).toBeLessThan(0.002);
      expect(interval[0]).toBeLessThan(gain);
      expect((interval[0] + interval[1]) / 2).toBeCloseTo(gain, 12);
    }
  });

  it('finds how many answers the given examples are worth', () => {
    const oddsAt = (answers: number) => 300 / (answers + 300);
    const parts = planted(oddsAt, even);
    const brought = errorBy(oddsAt(500)) - errorBy(oddsAt(1000));
    const {gain} = nextAnswers(parts, {now: 500, more: 500, given: 150, seed: 1});
    expect(Math.abs(gain - brought)).toBeLessThan(0.002);
    expect(nextAnswers(parts, {now: 500, more: 500, seed: 1}).gain).toBeLessThan(brought - 0.01);
  });

  it('has an interval that holds what a like student gains', () => {
    const oddsAt = (answers: number) => 100 / answers;
    const brought = errorBy(oddsAt(500)) - errorBy(oddsAt(1000));
    const held = Array.from({length: 40}, (_, run) => {
      const [low, high] = nextAnswers(planted(oddsAt, drawn(200, 10 + run)), {now: 500, more: 500, seed: run}).interval;
      return low <= brought && brought <= high;
    });
    expect(held.filter(Boolean).length).toBeGreaterThanOrEqual(34);
  });

  it('expects nothing where nothing grows, and the same for the same seed', () => {
    const level = planted(() => 0.25, drawn(400, 3));
    const {gain, interval} = nextAnswers(level, {now: 500, more: 500, seed: 1});
    expect(gain).toBe(0);
    expect(interval[0]).toBeLessThan(0);
    expect(interval[1]).toBeLessThan(0.01);
    const options = {now: 500, more: 500, seed: 4};
    const parts = planted(answers => 100 / answers, drawn(200, 5));
    expect(nextAnswers(parts, options)).toEqual(nextAnswers(parts, options));
    expect(nextAnswers(parts, {...options, seed: 5}).interval).not.toEqual(nextAnswers(parts, options).interval);
  });
});
