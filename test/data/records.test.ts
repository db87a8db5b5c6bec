import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {parquetWriteFile} from 'hyparquet-writer';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {RecordInputs} from '../../src/data/inputs.ts';
import {type ReadRecordsOptions, readRecords, recordDataset} from '../../src/data/records.ts';
import type {Dataset} from '../../src/data/split.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-records-'));
});
afterAll(() => rm(folder, {recursive: true}));

async function read(name: string, content: string, options: ReadRecordsOptions = {}) {
  const path = join(folder, name);
  await writeFile(path, content);
  return readRecords(path, options);
}

const fieldsIn = async (...given: Parameters<typeof read>) => (await read(...given)).map(({value}) => value);

describe('readRecords', () => {
  it('gives a column of a table the type that all of its cells have', async () => {
    const table = 'age,code,paid,name,note\n3,007,true,Ann,5\n-1.5e2,12,FALSE,NA,x\n,8,,"B, C",\n';
    expect(await fieldsIn('a.csv', table)).toEqual([
      {age: 3, code: '007', paid: true, name: 'Ann', note: '5'},
      {age: -150, code: '12', paid: false, name: 'NA', note: 'x'},
      {age: null, code: '8', paid: null, name: 'B, C', note: null},
    ]);
  });

  it('takes the words of programs for missing numbers, and only there', async () => {
    expect(await fieldsIn('b.tsv', 'age\tland\nNA\tNA\n4\tDE\nNaN\tNA\n')).toEqual([
      {age: null, land: 'NA'},
      {age: 4, land: 'DE'},
      {age: null, land: 'NA'},
    ]);
  });

  it('keeps label and id out of the fields, and takes the columns that are named, in their order', async () => {
    const table = 'id,a,label,b\nx,1,yes,2\n';
    const [plain] = await read('c.csv', table);
    expect(plain).toMatchObject({value: {a: 1, b: 2}, label: 'yes', id: 'x', file: 'c.csv', line: 2});
    const options = {label: 'b', id: false, columns: ['label', 'a'], types: {a: 'text'}} as const;
    const [named] = await read('c.csv', table, options);
    expect(named).toMatchObject({value: {label: 'yes', a: '1'}, label: '2'});
    expect(Object.keys(named!.value)).toEqual(['label', 'a']);
  });

  it('reads JSON lines, with the types that they have', async () => {
    expect(await fieldsIn('d.jsonl', '{"a":1,"b":"2","c":true,"d":null}\n{"a":2}\n')).toEqual([
      {a: 1, b: 2, c: true, d: null},
      {a: 2, b: null, c: null, d: null},
    ]);
  });

  it('reads Parquet', async () => {
    const filename = join(folder, 'e.parquet');
    const columnData = [
      {name: 'n', data: [1n, 2n], type: 'INT64' as const},
      {name: 't', data: ['a', 'b'], type: 'STRING' as const},
      {name: 'x', data: [0.5, null], type: 'DOUBLE' as const, nullable: true},
      {name: 'label', data: ['yes', 'no'], type: 'STRING' as const},
    ];
    parquetWriteFile({filename, columnData});
    const records = await readRecords(filename);
    expect(records.map(({value, label}) => [value, label])).toEqual([
      [{n: 1, t: 'a', x: 0.5}, 'yes'],
      [{n: 2, t: 'b', x: null}, 'no'],
    ]);
  });

  it.each<[string, string, ReadRecordsOptions, string]>([
    ['f.jsonl', '{"a":[1]}\n', {}, 'f.jsonl, line 1: column `a` holds a list. Leave it out by `columns`'],
    ['g.jsonl', '{"a":1}\n[2]\n', {}, 'g.jsonl, line 2: no JSON object.'],
    ['h.csv', 'a,b\n1,2\n', {label: 'c'}, 'no column `c`, only a, b.'],
    ['i.csv', 'a,b\n1,2\n', {columns: ['z']}, 'no column `z`, only a, b.'],
    ['j.csv', 'a,b\n1,x\n', {types: {b: 'number'}}, 'j.csv, line 2: column `b` holds "x", which is no number.'],
    ['k.csv', 'label\nyes\n', {}, 'no column is left for the records.'],
  ])('refuses %s: %j', async (name, content, options, problem) => {
    await expect(read(name, content, options)).rejects.toThrow(problem);
  });
});

describe('recordDataset', () => {
  it('draws splits with labels, and leaves duplicates out', async () => {
    const path = join(folder, 'all.csv');
    const rows = Array.from({length: 50}, (_, index) => `${index},${index % 2 ? 'odd' : 'even'}`);
    await writeFile(path, `n,label\n${[...rows, '3,odd', '4,even'].join('\n')}\n`);
    const notes: string[] = [];
    const data = (await recordDataset({path, onNote: note => notes.push(note)})) as Dataset & {card: object};
    expect(data.classes).toEqual(['even', 'odd']);
    expect(data.card).toMatchObject({
      kind: 'record',
      read: 52,
      duplicates: 2,
      splits: {train: 35, validation: 5, test: 10},
    });
    expect(notes).toEqual(['2 records are the same as another one, and are left out.']);
    const {inputs, labels} = data.test;
    const {records} = inputs as RecordInputs;
    expect(records.map(({n}) => Number(n) % 2)).toEqual([...labels]);
  });

  it('gives the files of all splits the same types, and needs classes if there are no labels', async () => {
    const [train, test] = [join(folder, 'train.csv'), join(folder, 'test.csv')];
    await writeFile(train, 'a\n1\n2\n3\n4\n');
    await writeFile(test, 'a\nx\n');
    await expect(recordDataset({path: {train, test}})).rejects.toThrow('The records have no labels.');
    const data = await recordDataset({path: {train, test}, classes: ['no', 'yes'], validation: 1});
    expect(data.test.inputs).toEqual({kind: 'record', count: 1, records: [{a: 'x'}]});
    expect((data.train.inputs as RecordInputs).records.map(({a}) => a).toSorted()).toEqual(['1', '2', '3', '4']);
    expect('validation' in data).toBe(false);
  });
});
