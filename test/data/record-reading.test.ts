import {describe, expect, it} from 'vitest';
import {
  checkRecordReading,
  recordProblem,
  recordReadingFor,
  recordValues,
  recordWidth,
} from '../../src/data/record-reading.ts';
import type {Fields} from '../../src/teacher.ts';

const people: readonly Fields[] = [
  {age: 20, paid: true, land: 'NL', since: 1},
  {age: 40, paid: false, land: 'DE', since: null},
  {age: 60, paid: true, land: 'NL', since: 3},
];

const rowOf = (fields: Fields, reading = recordReadingFor(people)) => [...recordValues([fields], reading).data];

describe('recordReadingFor', () => {
  it('standardises numbers and booleans, marks missing ones, and hashes the others', () => {
    const reading = recordReadingFor(people);
    expect(reading.columns.map(({name, kind}) => `${name} ${kind}`)).toEqual([
      'age number',
      'paid number',
      'land category',
      'since number',
    ]);
    expect(reading.columns[0]).toMatchObject({mean: 40, deviation: Math.sqrt(800 / 3), marksMissing: false});
    expect(reading.columns[3]).toMatchObject({mean: 2, deviation: 1, marksMissing: true});
    expect(reading.texts).toMatchObject({buckets: 64});
    expect(recordWidth(reading)).toBe(4 + 64);
  });

  it('takes long values that do not repeat for texts', () => {
    const texts = Array.from({length: 9}, (_, index) => ({
      note: `the order number ${index} came late`,
      kind: index % 2 ? 'a' : 'b c d e f',
    }));
    const {columns, texts: hashed} = recordReadingFor(texts);
    expect(columns.map(({kind}) => kind)).toEqual(['text', 'category']);
    expect(hashed!.buckets).toBe(8192);
    expect(recordReadingFor(texts, {buckets: 256}).texts!.buckets).toBe(256);
  });

  it('reads the columns that are named, needs no buckets for numbers alone, and leaves empty columns out', () => {
    expect(recordReadingFor(people, {columns: ['age']})).toEqual({
      kind: 'record',
      columns: [{name: 'age', kind: 'number', mean: 40, deviation: Math.sqrt(800 / 3), marksMissing: false}],
    });
    expect(
      recordReadingFor([
        {a: 1, b: null},
        {a: 1, b: ''},
      ]).columns,
    ).toMatchObject([{name: 'a', deviation: 1}]);
    expect(() => recordReadingFor(people, {columns: ['height']})).toThrow('The records have no column `height`');
    expect(() => recordReadingFor([{a: null}])).toThrow('`columns`');
  });
});

describe('recordValues', () => {
  it('gives standardised numbers, and 0 with a mark for a missing one', () => {
    expect(rowOf({age: 60, paid: true, since: 3}).slice(0, 4)).toEqual([
      Math.fround(20 / Math.sqrt(800 / 3)),
      Math.fround(1 / 3 / Math.sqrt(2 / 9)),
      1,
      0,
    ]);
    expect(rowOf({age: null, since: null}).slice(0, 4)).toEqual([0, 0, 0, 1]);
  });

  it('puts each category into four buckets, the same each time, and none for a missing one', () => {
    const buckets = (land: string | null) =>
      rowOf({age: 1, land})
        .slice(4)
        .flatMap((value, index) => (value ? [[index, value]] : []));
    expect(buckets('NL').map(([, value]) => value)).toEqual([0.5, 0.5, 0.5, 0.5]);
    expect(buckets('NL')).toEqual(buckets('NL'));
    expect(buckets('DE')).not.toEqual(buckets('NL'));
    expect(buckets(null)).toEqual([]);
    expect(buckets('')).toEqual([]);
  });

  it('tells the same value in two columns apart', () => {
    const reading = recordReadingFor([
      {a: 'x', b: 'y'},
      {a: 'y', b: 'x'},
    ]);
    expect(rowOf({a: 'x'}, reading)).not.toEqual(rowOf({b: 'x'}, reading));
  });

  it('gives every column of a text the same length', () => {
    const reading = {
      kind: 'record',
      columns: [{name: 't', kind: 'text'}],
      texts: {kind: 'n-grams', buckets: 4096, words: 1, characters: [3, 4], length: 100},
    } as const;
    const row = rowOf({t: 'one two three'}, reading);
    expect(row.reduce((sum, value) => sum + value * value, 0)).toBeCloseTo(1, 5);
  });

  it('ignores other fields, and refuses a text for a number and a record with no known field', () => {
    const reading = recordReadingFor(people);
    expect(rowOf({age: 20, shoe: 43})).toEqual(rowOf({age: 20}));
    expect(rowOf({age: '20'})).toEqual(rowOf({age: 20}));
    expect(recordProblem({age: 'old'}, reading)).toBe('Its field `age` is "old", and the student takes a number.');
    expect(recordProblem({shoe: 43}, reading)).toMatch(/^It has none of the fields that the student reads: age, /);
    expect(() => recordValues([{age: 1}, {age: 'old'}], reading)).toThrow('Record 1: Its field `age`');
  });
});

describe('checkRecordReading', () => {
  it('refuses categories without buckets', () => {
    expect(() => checkRecordReading({kind: 'record', columns: [{name: 'a', kind: 'category'}]})).toThrow('no `texts`');
  });
});
