import {describe, expect, it} from 'vitest';
import {endingOf, endingText} from '../../../src/ask/provider/ending.ts';

const now = new Date('2026-12-01T22:30:00Z');
const textOf = (stated: string | number) => endingText('The model m', endingOf(stated, now));

describe('the end of a model', () => {
  it.each<readonly [string | number, string]>([
    ['2027-01-14', 'The model m ends on 2027-01-14, in 44 days.'],
    ['2027-01-14T23:59:59Z', 'The model m ends on 2027-01-14, in 44 days.'],
    ['2027-01-14T23:59:59+02:00', 'The model m ends on 2027-01-14, in 44 days.'],
    [1_799_884_800, 'The model m ends on 2027-01-14, in 44 days.'],
    ['1799884800', 'The model m ends on 2027-01-14, in 44 days.'],
    ['2026-12-02', 'The model m ends on 2026-12-02, in 1 day.'],
    ['2026-12-01', 'The model m ends on 2026-12-01, today.'],
    ['2026-11-30', 'The model m has ended on 2026-11-30.'],
  ])('is read from %j', (stated, text) => {
    expect(textOf(stated)).toBe(text);
  });

  it.each(['not before spring 2027', '2027-13-45', '14/01/2027', '2027', ''])('is shown as it is: %j', stated => {
    expect(textOf(stated)).toBe(`The model m has an announced end: ${stated}.`);
  });
});
