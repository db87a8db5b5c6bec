import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {type Knowledge, trueLabels} from '../../src/knowledge/knowledge.ts';
import {balancedRows, everyInput, everyRow} from '../../src/train/order.ts';

/** Knowledge of two classes of which so many rows are the second. */
function rare(count: number, second: number): Knowledge {
  const labels = Int32Array.from({length: count}, (_, row) => (row < second ? 1 : 0));
  return trueLabels({inputs: {kind: 'text', count, texts: Array.from(labels, String)}, labels}, ['common', 'rare']);
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

describe('everyInput', () => {
  it('goes through every input once an epoch by one of its versions, and through all versions in as many epochs', () => {
    fc.assert(
      fc.property(
        fc.integer({min: 1, max: 60}),
        fc.integer({min: 1, max: 7}),
        fc.integer(),
        (count, versions, seed) => {
          const order = everyInput(count, versions, seed);
          const rows = Array.from({length: versions}, (_, epoch) => order(epoch + 1));
          for (const [epoch, own] of rows.entries()) {
            expect([...own].map(row => Math.floor(row / versions))).toEqual([...everyRow(count, seed)(epoch + 1)]);
          }
          const seen = rows.flatMap(own => [...own]).sort((a, b) => a - b);
          expect(seen).toEqual(Array.from({length: count * versions}, (_, row) => row));
          expect(everyInput(count, versions, seed)(3)).toEqual(order(3));
        },
      ),
    );
  });

  it('begins with as many of one version as of another', () => {
    const first = everyInput(4000, 4, 1)(1);
    for (const version of [0, 1, 2, 3]) {
      expect(first.filter(row => row % 4 === version).length / 4000).toBeCloseTo(0.25, 1);
    }
  });
});

describe('balancedRows', () => {
  it('takes one version of an input an epoch, and goes by the label of that version', async () => {
    // Of 200 inputs the second of three versions is of the rare class in ten.
    const labels = Int32Array.from({length: 600}, (_, row) => (row % 3 === 1 && row < 30 ? 1 : 0));
    const knowledge: Knowledge = {...rare(600, 0), answers: {kind: 'label', count: 600, labels}, versions: 3};
    const order = await balancedRows(knowledge, 1, 1);
    const versionOf = new Map<string, number>();
    let isRare = 0;
    for (const epoch of [1, 2, 3]) {
      const rows = order(epoch);
      expect(rows).toHaveLength(200);
      for (const row of rows) {
        const key = `${epoch} ${Math.floor(row / 3)}`;
        expect(versionOf.get(key) ?? row).toBe(row);
        versionOf.set(key, row);
      }
      isRare += rows.filter(row => labels[row] === 1).length;
    }
    // Each of the ten comes in one epoch of the three, 1/60 of them all, and then 60 times as often as another.
    expect(isRare / 600).toBeGreaterThan(0.35);
    expect(isRare / 600).toBeLessThan(0.65);
  });

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
