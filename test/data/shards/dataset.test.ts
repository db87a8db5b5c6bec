import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {parquetWriteFile} from 'hyparquet-writer';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {recordShards, textShards} from '../../../src/data/shards/dataset.ts';
import {InputError} from '../../../src/errors.ts';
import {writeShards} from './shard-files.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-shards-'));
});
afterAll(() => rm(folder, {recursive: true}));

const at = (path: string) => join(folder, path);
const places = () => ({index: at('index'), test: at('test.jsonl')});

async function written(name: string, content: string): Promise<string> {
  await writeFile(at(name), content);
  return at(name);
}

describe('textShards', () => {
  it('is a task whose test inputs are in memory, and whose training inputs are read by their rows', async () => {
    await writeShards(at('texts'), ['a', 'b', 'c', 'd', 'e'], [2, 2, 1]);
    await written('test.jsonl', '"x"\n{"text": "y"}\n');
    const {classes, train, test} = await textShards({...places(), path: at('texts'), classes: ['no', 'yes']});
    expect(classes).toEqual(['no', 'yes']);
    expect(test).toEqual({role: 'test', inputs: {kind: 'text', count: 2, texts: ['x', 'y']}});
    expect(train).toMatchObject({role: 'train', kind: 'text', count: 5});
    expect(await train.read([4, 0, 2])).toEqual({kind: 'text', count: 3, texts: ['e', 'a', 'c']});
  });

  it('reads the field that is named, also a nested one', async () => {
    const path = await written('nested.jsonl', '{"ticket": {"body": "a"}}\n{"ticket": {"body": 3}}\n');
    await written('test.jsonl', '{"ticket": {"body": "x"}}\n');
    const {train} = await textShards({...places(), path, text: 'ticket.body'});
    expect(await train.read([0])).toMatchObject({texts: ['a']});
    await expect(train.read([1])).rejects.toThrow('nested.jsonl, line 2: field `ticket.body` is a number, not a text');
  });

  it.each([
    ['{"text": " "}', 'line 1: an empty text. Leave it out of the shards'],
    ['{"body": "a", "id": 1}', 'line 1: no field `text`, only `body`, `id`'],
    ['[1]', 'line 1: a list. Write one JSON object per line'],
    ['7', 'line 1: a number. Write one JSON object per line'],
  ])('refuses the row %s when it is read', async (row, message) => {
    await written('test.jsonl', '"x"\n');
    const {train} = await textShards({...places(), path: await written('bad.jsonl', row)});
    await expect(train.read([0])).rejects.toThrow(InputError);
    await expect(train.read([0])).rejects.toThrow(message);
  });

  it('names the columns of a shard of Parquet that has no such one', async () => {
    const columnData = ['body', 'id'].map(name => ({name, data: ['a'], type: 'STRING' as const}));
    parquetWriteFile({filename: at('columns.parquet'), columnData});
    await written('test.jsonl', '"x"\n');
    const {train} = await textShards({...places(), path: at('columns.parquet')});
    await expect(train.read([0])).rejects.toThrow('columns.parquet: no column `text`, only `body`, `id`');
  });
});

describe('recordShards', () => {
  it('reads columns in their order, with the types that are stored or named', async () => {
    const columnData = [
      {name: 'name', data: ['Ann', 'Bob'], type: 'STRING' as const},
      {name: 'age', data: [30, 40], type: 'INT32' as const},
      {name: 'zip', data: ['007', '12'], type: 'STRING' as const},
    ];
    parquetWriteFile({filename: at('people.parquet'), columnData});
    await written('test.jsonl', '{"zip": "1", "age": null, "name": "Cy"}\n');
    const options = {...places(), path: at('people.parquet'), columns: ['age', 'zip']};
    const {train, test} = await recordShards({...options, types: {zip: 'number'}});
    const kept = await recordShards(options);
    expect(await kept.train.read([1, 0])).toMatchObject({
      records: [
        {age: 40, zip: '12'},
        {age: 30, zip: '007'},
      ],
    });
    expect(test.inputs).toMatchObject({kind: 'record', records: [{age: null, zip: 1}]});
    expect(await train.read([0])).toMatchObject({records: [{age: 30, zip: 7}]});
    await written('test.jsonl', '{"zip": true, "age": null}\n');
    const wrong = await recordShards({...options, types: {zip: 'boolean'}});
    await expect(wrong.train.read([0])).rejects.toThrow(
      'people.parquet, line 1: column `zip` holds "007", which is no boolean',
    );
    const named = await recordShards({...options, test: at('people.parquet'), columns: ['name']});
    expect(await named.train.read([0])).toMatchObject({records: [{name: 'Ann'}]});
    await expect(recordShards({...options, test: at('people.parquet'), columns: ['land']})).rejects.toThrow(
      'people.parquet: no column `land`, only name, age, zip. Correct its name in `columns`',
    );
  });
});
