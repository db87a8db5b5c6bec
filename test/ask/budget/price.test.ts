import {describe, expect, it} from 'vitest';
import {checkPrice, costOf, dollars, isByToken, nanoDollars} from '../../../src/ask/budget/price.ts';
import {InputError} from '../../../src/errors.ts';
import type {Price} from '../../../src/teacher.ts';

const usage = {inputTokens: 1000, outputTokens: 100};

describe('costOf', () => {
  it('adds what the calls and both kinds of tokens cost', () => {
    const price = {perCall: 0.01, perMillionInputTokens: 2.5, perMillionOutputTokens: 10};
    expect(costOf(price, {calls: 2, usage})).toBe(0.0235);
    expect(costOf(price, {calls: 2})).toBe(0.02);
    expect(costOf({}, {calls: 2, usage})).toBe(0);
  });

  it('charges for tokens of the prompt cache at their own prices, and at that of input tokens if they have none', () => {
    const cached = {...usage, cacheReadTokens: 700, cacheWriteTokens: 200};
    const price = {perMillionInputTokens: 2, perMillionCacheReadTokens: 0.2, perMillionCacheWriteTokens: 2.5};
    expect(nanoDollars(price, {calls: 1, usage: cached})).toBe(100 * 2000 + 700 * 200 + 200 * 2500);
    expect(nanoDollars({perMillionInputTokens: 2}, {calls: 1, usage: cached})).toBe(1000 * 2000);
  });

  it('is exact although binary fractions are not', () => {
    // 0.1 + 0.2 and 1000 * 1.1e-6 have a rest in binary.
    expect(nanoDollars({perMillionInputTokens: 1.1, perCall: 0.3}, {calls: 1, usage})).toBe(301_100_000);
    expect(nanoDollars({perMillionInputTokens: 0.0375}, {calls: 1, usage})).toBe(37_500);
  });

  it('rounds up to whole nano-dollars, so that nothing is too small to count', () => {
    const one = {inputTokens: 1, outputTokens: 0};
    expect(nanoDollars({perMillionInputTokens: 0.0375}, {calls: 1, usage: one})).toBe(38);
    expect(nanoDollars({perMillionInputTokens: 0.000_01}, {calls: 1, usage: one})).toBe(1);
  });
});

describe('checkPrice', () => {
  it('refuses what is no price and names the field', () => {
    expect(() => checkPrice({perCall: 0, perMillionInputTokens: 3}, 'a fake')).not.toThrow();
    for (const value of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => checkPrice({perCall: value}, 'a fake')).toThrow(InputError);
      expect(() => checkPrice({perCall: value}, 'a fake')).toThrow(`\`price.perCall\` of teacher a fake`);
    }
    const misspelt = {perMilionInputTokens: 3} as Price;
    expect(() => checkPrice(misspelt, 'a fake')).toThrow('`price.perMilionInputTokens` of teacher a fake is no part');
  });
});

describe('isByToken', () => {
  it('is true if any token has a price', () => {
    expect(isByToken({perCall: 1, perMillionInputTokens: 0})).toBe(false);
    expect(isByToken({perMillionCacheWriteTokens: 1})).toBe(true);
  });
});

describe('dollars', () => {
  it('shows cents, and of small amounts the two digits that count', () => {
    const shown = [0, 0.000_000_42, 0.0042, 0.31, 0.999, 1, 5.678, 1234.5].map(dollars);
    expect(shown).toEqual(['$0.00', '$0.00000042', '$0.0042', '$0.31', '$1.00', '$1.00', '$5.68', '$1,234.50']);
  });
});
