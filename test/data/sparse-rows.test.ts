import {array, assert, integer, property} from 'fast-check';
import {describe, expect, it} from 'vitest';
import {type NgramReading, readNgrams} from '../../src/data/hashed-reading.ts';
import {denseRows, KeptRows, sparseRows, thinnedRows} from '../../src/data/sparse-rows.ts';

const reading: NgramReading = {kind: 'n-grams', buckets: 64, words: 1, characters: [3, 4], length: 100};
const columns = array(array(integer({min: 0, max: 9}), {maxLength: 12}), {maxLength: 6});

describe('sparse rows', () => {
  it('hold in each row its value times how often it names a column', () => {
    assert(
      property(columns, rows => {
        const sparse = sparseRows(
          rows.map(row => Int32Array.from(row)),
          10,
          count => 1 / count,
        );
        const {data, shape, count} = denseRows(sparse);
        expect([shape, count]).toEqual([[10], rows.length]);
        for (const [row, own] of rows.entries()) {
          for (let column = 0; column < 10; column++) {
            const times = own.filter(each => each === column).length;
            expect(data[row * 10 + column]).toBeCloseTo(own.length === 0 ? 0 : times / own.length, 6);
          }
        }
      }),
    );
  });
});

describe('thinned rows', () => {
  const row = (length: number) =>
    sparseRows([Int32Array.from({length}, (_, column) => column)], 40, count => 1 / count);

  it('have no more columns than they may, and on average what the whole row has', () => {
    assert(
      property(integer({min: 1, max: 40}), integer({min: 1, max: 45}), (length, most) => {
        const sum = new Float64Array(40);
        for (let place = 0; place < length; place++) {
          const thinned = thinnedRows(row(length), {most, places: [(place + 0.5) / length]});
          expect(thinned.columns.length).toBe(Math.min(length, most));
          for (const [column, value] of denseRows(thinned).data.entries()) sum[column]! += value / length;
        }
        for (const [column, mean] of sum.entries()) expect(mean).toBeCloseTo(column < length ? 1 / length : 0, 5);
      }),
    );
  });

  it('leave short rows as they are', () => {
    expect(thinnedRows(row(9), {most: 9, places: [0.7]})).toEqual(row(9));
  });
});

describe('kept rows', () => {
  const texts = ['a dog', 'a bus', '', 'a dog'];

  it('are those that a text becomes, each read once', () => {
    const [kept, asked] = [new KeptRows(), [] as string[]];
    const read = (some: readonly string[]) => {
      asked.push(...some);
      return readNgrams(some, reading);
    };
    for (let time = 0; time < 2; time++) expect(kept.read(texts, read)).toEqual(readNgrams(texts, reading));
    expect(asked).toEqual(['a dog', 'a bus', '']);
    expect(kept.read(['a cow', 'a bus'], read)).toEqual(readNgrams(['a cow', 'a bus'], reading));
    expect(asked.at(-1)).toBe('a cow');
  });

  it('can be thinned, and are kept whole', () => {
    const [kept, thinning] = [new KeptRows(), {most: 3, places: [0.1, 0.9]}];
    const read = (some: readonly string[]) => readNgrams(some, reading);
    const all = readNgrams(['a dog', 'a bus'], reading);
    for (let time = 0; time < 2; time++) {
      expect(kept.read(['a dog', 'a bus'], read, thinning)).toEqual(thinnedRows(all, thinning));
    }
    expect(kept.read(['a dog', 'a bus'], read)).toEqual(all);
  });

  it('have a limit, beyond which texts are read each time', () => {
    const kept = new KeptRows();
    let reads = 0;
    const read = (some: readonly string[]) => {
      reads += some.length;
      return sparseRows(
        some.map(text => new Int32Array(Number(text))),
        10,
        () => 1,
      );
    };
    for (let time = 0; time < 2; time++) kept.read([`${2 ** 25 - 160}`, '99', '1'], read);
    expect(reads).toBe(4);
  });
});
