import {describe, expect, it} from 'vitest';
import {PassSize} from '../../src/serve/batcher.ts';
import type {Query} from '../../src/teacher.ts';

const textsOf = (count: number, length: number): readonly Query[] =>
  Array.from({length: count}, () => ({input: {kind: 'text', text: 'x'.repeat(length)}}));

describe('PassSize', () => {
  /** The longest pass, in milliseconds, after the first ones, of a model that takes so long for a character. */
  function longest(each: number, lengths: readonly number[]): number {
    const size = new PassSize();
    const passes: number[] = [];
    for (let pass = 0; pass < 60; pass++) {
      const waiting = textsOf(256, lengths[pass % lengths.length]!);
      const queries = waiting.slice(0, size.countOf(waiting));
      const took = queries.reduce((sum, {input}) => sum + (100 + (input as {text: string}).text.length) * each, 0);
      size.took(queries, took);
      passes.push(took);
    }
    return Math.max(...passes.slice(20));
  }

  it('keeps passes short, be texts long or short, or by turns', () => {
    for (const lengths of [[10], [10_000], [10, 10_000], [10, 10, 10, 10_000]]) {
      for (const each of [0.0001, 0.001, 0.002]) expect(longest(each, lengths)).toBeLessThan(45);
    }
  });

  it('asks about one at least, and about many where they take no time', () => {
    const size = new PassSize();
    for (let pass = 0; pass < 10; pass++) size.took(textsOf(1, 1000), 1000);
    expect(size.countOf(textsOf(5, 1000))).toBe(1);
    expect(size.countOf(textsOf(5, 1000), textsOf(1, 1000))).toBe(0);
    for (let pass = 0; pass < 20; pass++) {
      const waiting = textsOf(256, 1000);
      size.took(waiting.slice(0, size.countOf(waiting)), 0);
    }
    expect(size.countOf(textsOf(256, 1000))).toBe(256);
  });
});
