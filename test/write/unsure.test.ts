import {describe, expect, it} from 'vitest';
import type {WrittenLine} from '../../src/data/texts/written.ts';
import {leastSure, marginsOf, unsureByClass} from '../../src/write/unsure.ts';

describe('marginsOf', () => {
  it('is the difference of the two highest probabilities', () => {
    const [one, two] = marginsOf(Float32Array.of(Math.log(0.7), Math.log(0.1), Math.log(0.2), 5, 5, -90), 3);
    expect(one!.margin).toBeCloseTo(0.5, 6);
    expect(one).toMatchObject({first: 0, second: 2});
    expect(two).toEqual({margin: 0, first: 0, second: 1});
  });
});

const margin = (value: number, first: number, second: number) => ({margin: value, first, second});

describe('unsureByClass', () => {
  it('gives each class its least sure texts, and the classes that it is taken for', () => {
    const margins = [margin(0.9, 0, 1), margin(0.1, 0, 2), margin(0.2, 2, 1), margin(0.3, 2, 1)];
    const [zero, one, two] = unsureByClass(['a', 'b', 'c', 'd'], margins, 3);
    expect(zero).toEqual({texts: ['b', 'a'], others: [1, 2]});
    expect(one).toEqual({texts: ['c', 'd', 'a'], others: [2, 0]});
    expect(two).toEqual({texts: ['b', 'c', 'd'], others: [1, 0]});
  });
});

describe('leastSure', () => {
  it('keeps so many of each class, those of the smallest margins, in their order', () => {
    const lines = ['x', 'y', 'x', 'x', 'y'].map((label, index) => ({label, text: `${index}`}) as WrittenLine);
    const margins = [0.5, 0.9, 0.1, 0.2, 0.8].map(value => margin(value, 0, 1));
    const kept = leastSure(
      lines,
      margins,
      new Map([
        ['x', 2],
        ['y', 1],
      ]),
    );
    expect(kept.map(({text}) => text)).toEqual(['2', '3', '4']);
  });
});
