import {describe, expect, it} from 'vitest';
import {labelReader, type Row, valuesIn} from '../../../src/data/human-table/table.ts';

const row = (number: number, ...cells: string[]): Row => ({number, id: 'q1', text: 'any', cells});
const columns = [
  {name: 'label', read: labelReader(['ham', 'spam'])},
  {name: 'score', read: (cell: string) => Number(cell)},
];

describe('the cells of a query', () => {
  it('give one value for each column, whichever row it is in', () => {
    expect(valuesIn([row(2, 'Spam', ''), row(9, '', '3')], columns)).toEqual([1, 3]);
  });

  it('are named by their columns while they are empty', () => {
    expect(valuesIn([row(2, '', '3')], columns)).toBe('Row 2 waits for a person: fill `label`, then run again.');
  });

  it('must not hold an invalid value or two different ones', () => {
    expect(valuesIn([row(2, 'spma', '3')], columns)).toBe(
      'Row 2 has "spma" in `label`. That is not a class. The closest is `spam`.',
    );
    expect(valuesIn([row(2, 'ham', '3'), row(3, 'spam', '3')], columns)).toContain('Correct one of them.');
  });
});
