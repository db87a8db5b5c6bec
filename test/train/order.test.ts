import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import type {Knowledge} from '../../src/knowledge/knowledge.ts';
import {balancedRows, everyRow} from '../../src/train/order.ts';

/** Knowledge of two classes of which so many rows are the second. */
function rare(count: number, second: number): Knowledge {
  const labels = Int32Array.from({length: count}, (_, row) => (row < second ? 1 : 0));
  return {
    source: {access: 'truth', identity: {}},
    classes: ['common', 'rare'],
    detail: {kind: 'label'},
    inputs: {kind: 'text', count, texts: Array.from(labels, String)},
    answers: {kind: 'label', count, labels},
  };
}

const sorted = (rows: Int32Array) => [...rows].sort((a, b) => a - b);

describe('everyRow', () => {
  it('goes through every row once an epoch, each time in another order', () => {
    const order = everyRow(50, 1);
    expect(sorted(order(1))).toEqual(Array.from({length: 50}, (_, row) => row));
    expect(order(2)).not.toEqual(order(1));
    expect(everyRow(50, 1)(2)).toEqual(order(2));
  });
});

describe('balancedRows', () => {
  it('sees all classes alike at 1, and their rows evenly', async () => {
    const order = await balancedRows(rare(200, 10), 1, 1);
    const counts = new Map<number, number>();
    for (const row of order(1)) counts.set(row, (counts.get(row) ?? 0) + 1);
    const seen = [...counts].reduce((sum, [row, times]) => sum + (row < 10 ? times : 0), 0);
    expect(seen).toBeGreaterThanOrEqual(99);
    expect(seen).toBeLessThanOrEqual(101);
    for (const [row, times] of counts) expect(row < 10 ? [9, 10, 11] : [1]).toContain(times);
  });

  it('goes half of the way at a half', async () => {
    const order = await balancedRows(rare(1000, 100), 1, 0.5);
    // sqrt(0.1) : sqrt(0.9) is 1 : 3.
    expect(order(1).filter(row => row < 100).length).toBeCloseTo(250, -1);
  });

  it('leaves out other rows of the common classes in each epoch', async () => {
    const order = await balancedRows(rare(200, 10), 1, 1);
    const seen = new Set([1, 2, 3, 4, 5, 6, 7, 8].flatMap(epoch => [...order(epoch)]));
    expect(seen.size).toBeGreaterThan(180);
  });

  it('is the same for the same seed, has as many rows as there are, and every row once at 0', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({min: 1, max: 300}),
        fc.double({min: 0, max: 1, noNaN: true}),
        fc.integer(),
        async (count, balance, seed) => {
          const knowledge = rare(count, Math.ceil(count / 7));
          const order = await balancedRows(knowledge, seed, balance);
          expect(order(1)).toHaveLength(count);
          expect((await balancedRows(knowledge, seed, balance))(1)).toEqual(order(1));
          const even = (await balancedRows(knowledge, seed, 0))(1);
          expect(new Set(even).size).toBeGreaterThanOrEqual(count - 1);
        },
      ),
      {numRuns: 50},
    );
  });
});
