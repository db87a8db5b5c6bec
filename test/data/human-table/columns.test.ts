import {describe, expect, it} from 'vitest';
import {labelReader, valuesIn} from '../../../src/data/human-table/columns.ts';
import type {Row} from '../../../src/data/human-table/table.ts';

const row = (number: number, ...cells: string[]): Row => ({number, id: 'q1', text: 'any', cells});
const columns = [
  {name: 'label', read: labelReader(['ham', 'spam'])},
  {name: 'score', read: (cell: string) => Number(cell)},
];

describe('the cells of a query', () => {
  it('have a value a column, whichever of its rows they stand in', () => {
    expect(valuesIn([row(2, 'Spam', ''), row(9, '', '3')], columns)).toEqual([1, 3]);
  });

  it('are waited for by the names of their columns', () => {
    expect(valuesIn([row(2, '', '3')], columns)).toBe('Row 2 waits for a person: fill `label`, then run again.');
  });

  it('may not hold what is no value, or two of them', () => {
    expect(valuesIn([row(2, 'spma', '3')], columns)).toBe(
      'Row 2 has "spma" in `label`. That is no class. The closest is `spam`.',
    );
    expect(valuesIn([row(2, 'ham', '3'), row(3, 'spam', '3')], columns)).toContain('Let one of them be right.');
  });
});
