import {mkdtemp, readFile, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {expect, it} from 'vitest';
import type {WrittenLine} from '../../src/data/texts/written.ts';
import {readWrittenLines, saveWrittenLines} from '../../src/write/file.ts';

const line: WrittenLine = {
  ...{text: 'a "text"\u2028 of two lines', label: 'refund', origin: 'written', writer: 'pen'},
  ...{prompt: '0123456789abcdef', seed: 0, request: 3},
};
const newFile = async () => join(await mkdtemp(join(tmpdir(), 'limbeck-write-')), 'deep/er/written.jsonl');

it('reads the lines that it saved, and none where there is no file', async () => {
  const path = await newFile();
  expect(await readWrittenLines(path)).toEqual([]);
  await saveWrittenLines(path, [line, {...line, request: 4}]);
  expect(await readWrittenLines(path)).toEqual([line, {...line, request: 4}]);
});

it('refuses a file that it did not write, so that it is not replaced', async () => {
  const path = await newFile();
  await saveWrittenLines(path, [line]);
  await writeFile(path, `${await readFile(path, 'utf8')}{"text": "mine", "label": "refund"}\n`);
  await expect(readWrittenLines(path)).rejects.toThrow('line 2: no line that `limbeck write` wrote.');
});
