import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {Excess} from '../../../src/ask/budget/excess.ts';
import {describeAmount, parseBudget} from '../../../src/ask/budget/limit.ts';
import type {Charge} from '../../../src/ask/budget/price.ts';
import {InputError} from '../../../src/errors.ts';

describe('parseBudget', () => {
  it.each([
    ['5usd', {usd: 5}],
    ['$5', {usd: 5}],
    ['$0.25', {usd: 0.25}],
    ['12.5 USD', {usd: 12.5}],
    ['1 dollar', {usd: 1}],
    ['2000calls', {calls: 2000}],
    ['1 call', {calls: 1}],
    ['2k calls', {calls: 2000}],
    ['3Mtok', {tokens: 3_000_000}],
    ['3mtok', {tokens: 3_000_000}],
    ['500k tokens', {tokens: 500_000}],
    ['4.35ktok', {tokens: 4350}],
    ['1.1Mtok', {tokens: 1_100_000}],
    [' 7 tokens ', {tokens: 7}],
  ])('reads %s', (text, limit) => {
    expect(parseBudget(text)).toEqual(limit);
  });

  it.each([
    ['5', 'has no unit'],
    ['5k', 'has no unit'],
    ['', 'is not an amount'],
    ['usd', 'is not an amount'],
    ['-5usd', 'is not an amount'],
    ['2,000calls', 'is not an amount'],
    ['5eur', 'is of `eur`'],
    ['$5usd', 'unit twice'],
    ['5kusd', 'shortens an amount of dollars'],
    ['0calls', 'whole number above 0, not 0 calls'],
    ['0usd', 'number above 0, not 0 usd'],
    ['2.5calls', 'whole number above 0, not 2.5 calls'],
    ['1.2345ktok', 'whole number above 0, not 1234.5 tokens'],
  ])('refuses %s and shows how to give one', (text, problem) => {
    expect(() => parseBudget(text)).toThrow(InputError);
    expect(() => parseBudget(text)).toThrow(problem);
    expect(() => parseBudget(text)).toThrow('Give a budget as 5usd (or $5), 2000calls or 3Mtok.');
  });
});

describe('describeAmount', () => {
  it('shows an amount as a person would write it', () => {
    expect(describeAmount('usd', 5)).toBe('$5.00');
    expect(describeAmount('calls', 2000)).toBe('2,000 calls');
    expect(describeAmount('calls', 1)).toBe('1 call');
    expect(describeAmount('tokens', 0)).toBe('0 tokens');
  });
});

const tokens = (inputTokens: number, outputTokens = 0): Charge => ({calls: 1, usage: {inputTokens, outputTokens}});

describe('an excess', () => {
  it('leaves a worst case as it is as long as none is passed', () => {
    const excess = new Excess();
    expect(excess.saw(tokens(10, 5), tokens(10, 5))).toBe(1);
    expect(excess.raised(tokens(7, 3))).toEqual(tokens(7, 3));
  });

  it('raises input and output apart, by the highest ratio that was seen', () => {
    const excess = new Excess();
    expect(excess.saw(tokens(10, 5), tokens(10, 15))).toBe(3);
    expect(excess.raised(tokens(7, 3))).toEqual(tokens(7, 9));
    expect(excess.saw(tokens(10, 5), tokens(10, 14))).toBe(1);
    expect(excess.saw(tokens(10, 5), tokens(12, 5))).toBe(1.2);
    expect(excess.raised(tokens(5, 3))).toEqual(tokens(6, 9));
  });

  it('knows of a request that was to use none', () => {
    const excess = new Excess();
    excess.saw(tokens(10, 0), tokens(10, 4));
    expect(excess.raised(tokens(1, 0))).toEqual(tokens(1, 4));
  });

  it('tells of a ratio once, and again if it has doubled', () => {
    const excess = new Excess();
    const told = [2, 3, 3.9, 4, 5, 9].map(ratio => excess.noteOf(ratio, 'a fake') !== undefined);
    expect(told).toEqual([true, false, false, true, false, true]);
    expect(excess.noteOf(20.01, 'a fake')).toContain('Teacher a fake counted 20.1 times the tokens');
  });

  it('covers what it saw, and all that is charged at the same ratio', () => {
    const count = fc.integer({min: 0, max: 1e6});
    fc.assert(
      fc.property(fc.array(fc.tuple(count, count), {minLength: 1}), count, (seen, worst) => {
        const excess = new Excess();
        for (const [most, charged] of seen) excess.saw(tokens(most), tokens(charged));
        for (const [most, charged] of seen) {
          expect(excess.raised(tokens(most)).usage!.inputTokens).toBeGreaterThanOrEqual(charged);
          const alike = Math.floor((worst * charged) / Math.max(1, most));
          expect(excess.raised(tokens(worst)).usage!.inputTokens).toBeGreaterThanOrEqual(alike);
        }
      }),
    );
  });
});

describe('an excess that processes tell each other', () => {
  const worst = {calls: 1, usage: {inputTokens: 10, outputTokens: 10}};
  const charged = (outputTokens: number) => ({calls: 1, usage: {inputTokens: 10, outputTokens}});

  it('is the highest that any of them saw, for each count', () => {
    const [one, other] = [new Excess(), new Excess()];
    expect(one.shares).toBeUndefined();
    one.saw(worst, charged(30));
    other.saw(worst, charged(20));
    other.learn(JSON.parse(JSON.stringify(one.shares)));
    one.learn({outputTokens: {charged: 20, worst: 10}});
    for (const excess of [one, other]) {
      expect(excess.shares).toEqual({outputTokens: {charged: 30, worst: 10}});
      expect(excess.raised(worst).usage).toEqual({inputTokens: 10, outputTokens: 30});
    }
  });

  it('is written alike by all if two saw the same ratio', () => {
    const [one, other] = [new Excess(), new Excess()];
    one.saw(worst, charged(30));
    other.saw({calls: 1, usage: {inputTokens: 10, outputTokens: 1}}, charged(3));
    other.learn(one.shares!);
    expect(other.shares).toEqual(one.shares);
  });
});
