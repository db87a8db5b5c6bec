import {describe, expect, it} from 'vitest';
import {describeAmount, parseBudget} from '../../../src/ask/budget/limit.ts';
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
