import {describe, expect, it} from 'vitest';
import {budgetVerdictRows, exchangeRows} from './budget-verdicts.ts';

describe('studies of several budgets', () => {
  it('are seldom wrong, call a copy equal and a level with shuffled answers worse', () => {
    const rows = budgetVerdictRows({studies: 5, seeds: [5]});
    expect(rows).toHaveLength(4);
    // Four of twenty are wrong by chance in 2 % of all runs, if each is in 5 %.
    expect(rows.reduce((sum, {falseStudies}) => sum + falseStudies, 0)).toBeLessThanOrEqual(3);
    for (const {copiesEqual, shuffledWorse} of rows.filter(({world}) => world === 'some differ')) {
      expect(copiesEqual).toBeGreaterThanOrEqual(4);
      expect(shuffledWorse).toBe(5);
    }
  });

  it('have exchange rates whose intervals hold the true number', () => {
    for (const {rates, covered, width} of exchangeRows({studies: 4, seeds: [5]})) {
      expect(rates).toBe(20);
      // Rates of one study share their inputs, and miss together.
      expect(covered).toBeGreaterThanOrEqual(15);
      expect(width).toBeLessThan(2);
    }
  });
});
