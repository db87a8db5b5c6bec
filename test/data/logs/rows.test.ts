import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, describe, expect, it} from 'vitest';
import {type LogRow, readRows} from '../../../src/data/logs/rows.ts';

const folder = mkdtempSync(join(tmpdir(), 'limbeck-rows-'));
afterAll(() => rmSync(folder, {recursive: true}));

async function rowsOf(name: string, content: string): Promise<readonly LogRow[]> {
  const path = join(folder, name);
  writeFileSync(path, content);
  const rows: LogRow[] = [];
  for await (const some of readRows(path)) rows.push(...some);
  return rows;
}

describe('the rows of a log', () => {
  it('are the objects of its lines, with their lines', async () => {
    expect(await rowsOf('a.jsonl', '{"a": 1}\n\n{"a": 2}\n[{"a": 3}, {"a": 4}]\n"text"\n{torn')).toEqual([
      {line: 1, fields: {a: 1}},
      {line: 3, fields: {a: 2}},
      {line: 4, fields: {a: 3}},
      {line: 4, fields: {a: 4}},
      {line: 5, fields: undefined},
      {line: 6, fields: undefined},
    ]);
  });

  it('are those of the pages of a list', async () => {
    expect(await rowsOf('b.jsonl', '{"object": "list", "data": [{"a": 1}]}\n')).toEqual([{line: 1, fields: {a: 1}}]);
  });

  it.each([
    '[\n  {"a": 1},\n  {"a": 2}\n]\n',
    '{\n  "object": "list",\n  "data": [{"a": 1}, {"a": 2}]\n}',
    '{"object": "list", "data": [\n{"a": 1},\n{"a": 2}]}',
  ])('are those of a document of several lines: %j', async content => {
    expect((await rowsOf('c.json', content)).map(({fields}) => fields)).toEqual([{a: 1}, {a: 2}]);
  });

  it('are those of a table, by the names of its columns', async () => {
    expect(await rowsOf('d.csv', 'text;label\n"one\ntwo";ham\n\nthree;spam\n')).toEqual([
      {line: 2, fields: {text: 'one\ntwo', label: 'ham'}},
      {line: 5, fields: {text: 'three', label: 'spam'}},
    ]);
  });

  it('cannot be read of a table with two columns of one name, or of plain lines', async () => {
    await expect(rowsOf('e.csv', 'text,text\na,b\n')).rejects.toThrow('two columns are called `text`');
    await expect(rowsOf('e.csv', 'text,label\na,b,c\n')).rejects.toThrow('line 2: 3 cells, but the first row has 2');
    await expect(rowsOf('e.txt', 'a\n')).rejects.toThrow('--format');
    await expect(rowsOf('f.json', '{\n"a": \n')).rejects.toThrow('neither JSON lines nor one JSON document');
  });
});
