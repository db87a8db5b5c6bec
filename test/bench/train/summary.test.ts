import {describe, expect, it} from 'vitest';
import {median, rowsOf, tableOf} from './summary.ts';

describe('the summary of a benchmark', () => {
  it('takes the middle value, or the mean of the two in the middle', () => {
    expect(median([30, 1, 2])).toBe(2);
    expect(median([4, 1, 30, 2])).toBe(3);
  });

  it('compares round by round, so that a slow time of the machine counts for nothing', () => {
    const rows = rowsOf([
      {model: 'mlp', who: 'limbeck', batch: 128, rounds: [1, 10, 2]},
      {model: 'mlp', who: 'eager', batch: 128, rounds: [3, 30, 8]},
    ]);
    expect(rows[0]).toEqual({
      model: 'mlp',
      who: 'limbeck',
      batch: 128,
      msPerStep: 2,
      spread: [1, 10],
      timesLimbeck: 1,
    });
    expect(rows[1]).toMatchObject({msPerStep: 8, spread: [3, 30], timesLimbeck: 3});
    expect(tableOf(rows)).toMatch(/mlp.*eager.*8\.00.*3\.00 to 30\.00.*3\.00/);
  });
});
