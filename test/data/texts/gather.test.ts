import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {checkLength, fitted} from '../../../src/data/texts/gather.ts';

describe('fitted', () => {
  const text = 'The beginning of a long text, and its end';

  it('keeps the head, or the head and the tail, or leaves the text out', () => {
    expect(fitted(text, {longest: 16})).toBe('The beginning of');
    expect(fitted(text, {longest: 16, overLength: 'head-and-tail'})).toBe('The beg … ts end');
    expect(fitted(text, {longest: 16, overLength: 'leave-out'})).toBeUndefined();
  });

  it('leaves short texts alone, and all texts if there is no limit', () => {
    expect(fitted(text, {longest: text.length, overLength: 'leave-out'})).toBe(text);
    expect(fitted(text, {})).toBe(text);
  });

  it('gives at most `longest` characters, and cuts no character in two', () => {
    const letters = fc.string({unit: fc.constantFrom('a', '😀', 'é'), maxLength: 60});
    const rule = fc.constantFrom('head' as const, 'head-and-tail' as const);
    fc.assert(
      fc.property(letters, fc.integer({min: 16, max: 40}), rule, (long, longest, overLength) => {
        const short = fitted(long, {longest, overLength})!;
        expect(short.length).toBeLessThanOrEqual(longest);
        expect(/\p{Cs}/u.test(short)).toBe(false);
        if (long.length > longest) expect(short.length).toBeGreaterThanOrEqual(longest - 2);
      }),
    );
  });
});

describe('checkLength', () => {
  it('refuses a length that is too small, and a rule without a length', () => {
    expect(() => checkLength({longest: 15})).toThrow('whole number from 16, got 15');
    expect(() => checkLength({overLength: 'head'})).toThrow('`overLength` has no effect without `longest`');
  });
});
