import {describe, expect, it} from 'vitest';
import {budgetVerdictRows, exchangeRows} from './budget-verdicts.ts';

describe('studies of several budgets', () => {
  it('are seldom wrong, call a copy equal and a level with shuffled answers worse', () => {
    for (const row of budgetVerdictRows({studies: 12, seeds: [5]})) {
      // Three of twelve studies have a probability of 2 % if each is wrong in one of twenty.
      expect(row.falseStudies).toBeLessThanOrEqual(2);
      if (row.world === 'all equal') continue;
      expect(row.copiesEqual).toBeGreaterThanOrEqual(11);
      expect(row.shuffledWorse).toBe(12);
      expect(row.power.curve).toBeGreaterThan(0.5);
    }
  });

  it('have exchange rates whose intervals hold the true number', () => {
    for (const {rates, covered, width} of exchangeRows({studies: 10, seeds: [3, 5]})) {
      expect(covered / rates).toBeGreaterThanOrEqual(0.86);
      expect(width).toBeLessThan(4);
    }
  });
});
