import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {type RandomGenerator, randomFraction, seededRandom} from '../../src/data/random.ts';
import {allocate, type CheckedStratum, shareDifference, shareRight, strataOf} from '../../src/evaluate/audit.ts';

interface Reference {
  readonly wilson: readonly {readonly right: number; readonly checked: number; readonly interval: readonly number[]}[];
  readonly stratified: readonly {
    readonly strata: readonly (readonly [number, number, number])[];
    readonly share: number;
    readonly deviation: number;
  }[];
}

const reference = JSON.parse(
  readFileSync(join(import.meta.dirname, '../fixtures/metrics/audit.json'), 'utf8'),
) as Reference;

const asStrata = (rows: Reference['stratified'][number]['strata']): CheckedStratum[] =>
  rows.map(([size, checked, right]) => ({size, checked, right}));

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

describe('the strata', () => {
  it('are the disagreements, the less sure quarter of the agreements, and the rest', () => {
    const teacher = [0, 1, 1, 0, 1, 0, 0, 1, 1, 1];
    const student = [1, 1, 1, 0, 1, 0, 0, 1, 1, 0];
    const confidence = [0.5, 0.9, 0.6, 0.8, 0.55, 0.99, 0.7, 0.95, 0.85, 0.51];
    expect([...strataOf(teacher, student, confidence)]).toEqual([0, 2, 1, 2, 1, 2, 2, 2, 2, 0]);
  });

  it('are one if the two always agree and inputs are few', () => {
    expect([...strataOf([1, 0], [1, 0], [0.6, 0.7])]).toEqual([2, 2]);
  });
});

describe('the number that is drawn of each stratum', () => {
  it('is larger for its size if student and teacher disagree than if both are sure', () => {
    const sizes = [25, 119, 356];
    const drawn = allocate(sizes, 50);
    expect(drawn).toEqual([7, 16, 27]);
    const shares = drawn.map((count, stratum) => count / sizes[stratum]!);
    expect(shares).toEqual(shares.toSorted((one, other) => other - one));
  });

  it('adds up, is never more than there is, leaves none out and takes nothing back', () => {
    const sizes = fc.array(fc.integer({min: 0, max: 300}), {minLength: 3, maxLength: 3});
    const items = fc.integer({min: 15, max: 400});
    fc.assert(
      fc.property(sizes, items, items, (all, first, second) => {
        const drawn = allocate(all, first);
        const more = allocate(all, second, drawn);
        expect(sum(drawn)).toBe(Math.min(first, sum(all)));
        expect(sum(more)).toBe(Math.min(Math.max(first, second), sum(all)));
        for (const [stratum, size] of all.entries()) {
          expect(drawn[stratum]).toBeGreaterThanOrEqual(Math.min(5, size));
          expect(more[stratum]).toBeGreaterThanOrEqual(drawn[stratum]!);
          expect(more[stratum]).toBeLessThanOrEqual(size);
        }
      }),
    );
  });
});

describe('the share that is right', () => {
  it.each(reference.wilson)('has the interval of statsmodels for $right of $checked', ({right, checked, interval}) => {
    const found = shareRight([{size: 5 * checked, checked, right}]);
    expect(found.share).toBe(right / checked);
    for (const [end, value] of interval.entries()) expect(found.interval[end]).toBeCloseTo(value, 9);
  });

  it.each(reference.stratified)('is $share, as samplics has it, of strata $strata', ({strata, share}) => {
    expect(shareRight(asStrata(strata)).share).toBeCloseTo(share, 12);
  });

  it('is as uncertain as samplics has it if there is enough of everything', () => {
    const {strata, deviation} = reference.stratified.at(-1)!;
    const [low, high] = shareRight(asStrata(strata)).interval;
    expect((high - low) / (2 * 1.959964) / deviation).toBeCloseTo(1, 2);
  });

  it('is nowhere certain, though all that were checked are right', () => {
    const {share, interval} = shareRight([
      {size: 20, checked: 5, right: 5},
      {size: 180, checked: 45, right: 45},
    ]);
    expect([share, interval[1]]).toEqual([1, 1]);
    expect(interval[0]).toBeGreaterThan(0.85);
    expect(interval[0]).toBeLessThan(0.95);
  });

  it('is for texts like these: even if all were checked, it is as uncertain as a sample of their number', () => {
    const all = [
      {size: 100, checked: 100, right: 40},
      {size: 300, checked: 300, right: 290},
    ];
    const [low, high] = shareRight(all).interval;
    const [wilsonLow, wilsonHigh] = shareRight([{size: 400, checked: 400, right: 330}]).interval;
    expect(low).toBeCloseTo(wilsonLow, 2);
    expect(high).toBeCloseTo(wilsonHigh, 2);
  });

  it('leaves strata without inputs out, and refuses ones of which nothing was checked', () => {
    const some = {size: 40, checked: 10, right: 9};
    expect(shareRight([{size: 0, checked: 0, right: 0}, some])).toEqual(shareRight([some]));
    expect(() => shareRight([some, {size: 1, checked: 0, right: 0}])).toThrow('Check some inputs of each kind');
    expect(() => shareRight([])).toThrow('has no checks yet');
  });

  it('says how many more to check to halve the interval, or that there are too few', () => {
    const strata = [
      {size: 400, checked: 7, right: 3},
      {size: 1900, checked: 16, right: 14},
      {size: 5700, checked: 27, right: 26},
    ];
    const {interval, moreToHalve} = shareRight(strata);
    const scale = (50 + moreToHalve!) / 50;
    const more = shareRight(
      strata.map(({size, checked, right}) => ({size, checked: checked * scale, right: right * scale})),
    );
    const width = ([low, high]: readonly [number, number]) => high - low;
    expect(width(more.interval) / width(interval)).toBeGreaterThan(0.4);
    expect(width(more.interval) / width(interval)).toBeLessThan(0.6);
    expect(shareRight([{size: 60, checked: 50, right: 40}]).moreToHalve).toBeUndefined();
  });
});

describe('the interval', () => {
  const REPETITIONS = 3000;
  /** Shares that are right of the strata, and how often the two disagree. */
  const worlds = [
    {name: 'a good teacher', disagree: 0.04, right: [0.6, 0.85, 0.98], texts: 500, items: 50},
    {name: 'a very good one', disagree: 0.03, right: [0.9, 0.98, 0.998], texts: 500, items: 150},
    {
      name: 'a student that is mostly wrong where they disagree',
      disagree: 0.04,
      right: [0.3, 0.85, 0.98],
      texts: 500,
      items: 50,
    },
    {name: 'a bad one', disagree: 0.15, right: [0.5, 0.7, 0.85], texts: 500, items: 100},
    {name: 'few texts', disagree: 0.05, right: [0.5, 0.8, 0.95], texts: 200, items: 50},
    {name: 'all texts', disagree: 0.05, right: [0.5, 0.8, 0.95], texts: 200, items: 200},
    {name: 'strata that tell nothing', disagree: 0.05, right: [0.9, 0.9, 0.9], texts: 2000, items: 150},
  ] as const;

  it.each(worlds)('holds the truth in 95 of 100 draws or a little more: $name', ({disagree, right, texts, items}) => {
    const random = seededRandom(5, 'audits');
    const truth = disagree * right[0] + (1 - disagree) * (0.25 * right[1] + 0.75 * right[2]);
    let held = 0;
    for (let repetition = 0; repetition < REPETITIONS; repetition++) {
      const differing = successes(texts, disagree, random);
      const unsure = Math.floor((texts - differing) / 4);
      const sizes = [differing, unsure, texts - differing - unsure];
      const drawn = allocate(sizes, items);
      const {interval} = shareRight(
        sizes.map((size, stratum) => {
          const checked = drawn[stratum]!;
          return {size, checked, right: successes(checked, right[stratum]!, random)};
        }),
      );
      if (interval[0] <= truth && truth <= interval[1]) held++;
    }
    const error = Math.sqrt((0.95 * 0.05) / REPETITIONS);
    expect(held / REPETITIONS).toBeGreaterThan(0.95 - 3 * error);
    expect(held / REPETITIONS).toBeLessThan(0.99);
  });
});

describe('the difference between two models', () => {
  it('is that of the texts on which they differ, of all texts', () => {
    const found = shareDifference([{size: 40, checked: 10, one: 7, other: 2}], 1000)!;
    expect(found.difference).toBeCloseTo((-0.5 * 40) / 1000, 12);
    expect(found.interval[0]).toBeLessThan(-0.02);
    expect(found.interval[0]).toBeGreaterThan(-0.04);
    expect(found.interval[1]).toBeGreaterThan(-0.02);
  });

  it('has the interval of Bonett and Price if all differ, apart from the part of the draw of the texts', () => {
    // (other - one) / 102 and sqrt((62 / 102 - that ** 2) / 102), by hand.
    const {interval} = shareDifference([{size: 1e9, checked: 100, one: 20, other: 40}], 1e9)!;
    const reach = 1.959964 * Math.sqrt((62 / 102 - (20 / 102) ** 2) / 102);
    expect(interval[0]).toBeCloseTo(20 / 102 - reach, 6);
    expect(interval[1]).toBeCloseTo(20 / 102 + reach, 6);
  });

  it('turns with the models', () => {
    const found = shareDifference([{size: 40, checked: 10, one: 7, other: 2}], 1000)!;
    const turned = shareDifference([{size: 40, checked: 10, one: 2, other: 7}], 1000)!;
    expect(turned.difference).toBeCloseTo(-found.difference, 12);
    expect(turned.interval[1]).toBeCloseTo(-found.interval[0], 12);
  });

  it('is 0 if they never differ, and unknown if none of the differences was checked', () => {
    expect(shareDifference([{size: 0, checked: 0, one: 0, other: 0}], 100)).toEqual({difference: 0, interval: [0, 0]});
    expect(shareDifference([{size: 3, checked: 0, one: 0, other: 0}], 100)).toBeUndefined();
  });

  it.each([
    {differ: 0.04, right: [0.6, 0.3], texts: 500, checked: 7},
    {differ: 0.1, right: [0.5, 0.45], texts: 500, checked: 15},
    {differ: 0.15, right: [0.1, 0.8], texts: 300, checked: 20},
    {differ: 0.05, right: [0.9, 0.1], texts: 1000, checked: 50},
  ])('is held in 95 of 100 draws or a little more, of $texts texts of which $differ differ', world => {
    const random = seededRandom(6, 'differences');
    const {differ, texts, right} = world;
    const truth = differ * (right[1]! - right[0]!);
    const repetitions = 3000;
    let held = 0;
    for (let repetition = 0; repetition < repetitions; repetition++) {
      const size = successes(texts, differ, random);
      const checked = Math.min(size, world.checked);
      const one = successes(checked, right[0]!, random);
      const other = successes(checked - one, right[1]! / (1 - right[0]!), random);
      const {interval} = shareDifference([{size, checked, one, other}], texts)!;
      if (interval[0] <= truth && truth <= interval[1]) held++;
    }
    expect(held / repetitions).toBeGreaterThan(0.95 - 3 * Math.sqrt((0.95 * 0.05) / repetitions));
  });
});

function successes(trials: number, probability: number, random: RandomGenerator): number {
  let count = 0;
  for (let trial = 0; trial < trials; trial++) if (randomFraction(random) < probability) count++;
  return count;
}
