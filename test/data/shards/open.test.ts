import {appendFile, mkdtemp, readdir, readFile, rm, utimes, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import fc from 'fast-check';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {openShards} from '../../../src/data/shards/open.ts';
import {localSource, type ShardSource} from '../../../src/data/shards/source.ts';
import {InputError} from '../../../src/errors.ts';
import {writeLines, writeParquet, writeShards} from './shard-files.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-shards-'));
});
afterAll(() => rm(folder, {recursive: true}));

/** Long ones too, so that a shard has several blocks. */
const TEXTS = Array.from({length: 300}, (_, row) => `row ${row} é ${'x'.repeat(row % 5 === 0 ? 7000 : row % 11)}`);
const SIZES = [120, 50, 0, 30, 100];

const open = (path: string, source: ShardSource = localSource(join(folder, path))) =>
  openShards(source, join(folder, 'index'), () => ['text']);
const textOf = ({value}: {readonly value: unknown}) => (value as {readonly text: string}).text;

/** Counts the bytes that are read. */
function counting(path: string): ShardSource & {bytes: number} {
  const source = localSource(join(folder, path));
  const counted = {
    ...source,
    bytes: 0,
    read(...[file, start, end]: Parameters<ShardSource['read']>) {
      counted.bytes += end - start;
      return source.read(file, start, end);
    },
  };
  return counted;
}

describe('openShards', () => {
  it('reads any rows of JSON lines and Parquet, in any order, also one of them twice', async () => {
    await writeShards(join(folder, 'mixed'), TEXTS, SIZES);
    const shards = await open('mixed');
    expect(shards.count).toBe(300);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({min: 0, max: 299}), {maxLength: 60}), async rows => {
        expect(await shards.read(rows, textOf)).toEqual(rows.map(row => TEXTS[row]));
      }),
      {numRuns: 30},
    );
  });

  it('tells the shard and the line of each row', async () => {
    await writeFile(join(folder, 'lines.jsonl'), '\uFEFF"one"\r\n\r\n \n"two"\n\n"three"');
    const shards = await open('lines.jsonl');
    expect(await shards.read([0, 1, 2], row => row)).toEqual([
      {value: 'one', file: 'lines.jsonl', line: 1},
      {value: 'two', file: 'lines.jsonl', line: 4},
      {value: 'three', file: 'lines.jsonl', line: 6},
    ]);
    writeParquet(join(folder, 'groups.parquet'), TEXTS.slice(0, 20));
    expect(await (await open('groups.parquet')).read([9], row => row)).toMatchObject([
      {file: 'groups.parquet', line: 10},
    ]);
  });

  it('reads the blocks alone that hold the rows, once an index is kept', async () => {
    const long = Array.from({length: 2000}, (_, row) => `${row} ${'y'.repeat(2000)}`);
    await writeLines(join(folder, 'long/a.jsonl'), long);
    await open('long');
    const source = counting('long');
    const shards = await open('long', source);
    expect(source.bytes).toBe(0);
    expect(await shards.read([1234], textOf)).toEqual([long[1234]]);
    expect(source.bytes).toBeLessThan(2 ** 16 + 3000);
    expect(await shards.read([1999, 0], textOf)).toEqual([long[1999], long[0]]);
    expect(source.bytes).toBeLessThan(4 * 2 ** 16);
  });

  it('has the same digest in another folder, and another one if a shard differs', async () => {
    await writeShards(join(folder, 'one'), TEXTS, SIZES);
    await writeShards(join(folder, 'other'), TEXTS, SIZES);
    await writeShards(join(folder, 'third'), TEXTS.with(3, 'row 3 e '), SIZES);
    const [one, other, third] = await Promise.all(['one', 'other', 'third'].map(path => open(path)));
    expect(other!.digest).toBe(one!.digest);
    expect(third!.digest).not.toBe(one!.digest);
  });

  it('makes an index again if its shard was changed, or the index is damaged', async () => {
    const path = join(folder, 'grows/a.jsonl');
    await writeLines(path, TEXTS.slice(0, 10));
    expect((await open('grows')).count).toBe(10);
    await appendFile(path, '{"text": "one more"}\n');
    await utimes(path, 1, 1);
    expect((await open('grows')).count).toBe(11);
    const index = join(folder, 'index');
    for (const name of await readdir(index))
      await writeFile(join(index, name), (await readFile(join(index, name))).subarray(0, 20));
    expect((await open('grows')).count).toBe(11);
  });

  it.each([
    [
      'a.jsonl.gz',
      'x',
      'a.jsonl.gz in PATH is gzipped, and gzip can only be read from its start. Unzip it, or make it Parquet',
    ],
    ['notes.csv', 'x', 'notes.csv in PATH is no shard: shards are JSON lines (.jsonl) or Parquet (.parquet)'],
    ['a.parquet', 'no parquet at all', "a.parquet can't be read as Parquet"],
    ['a.jsonl', '\n\n', 'The shards in PATH have no rows'],
  ])('refuses a folder with %s, and says what to do', async (name, content, message) => {
    const path = await mkdtemp(join(folder, 'refused-'));
    await writeFile(join(path, name), content);
    const refused = openShards(localSource(path), join(folder, 'index'), all => all);
    await expect(refused).rejects.toThrow(InputError);
    await expect(refused).rejects.toThrow(message.replace('PATH', path));
  });

  it.each([
    ['{"text": "a"}\n{"text": \n', 'a.jsonl, line 2: not JSON'],
    ['{"text": "a"}\n\xFF\n', 'a.jsonl, from line 1 on: not UTF-8'],
  ])("names the line that can't be read", async (content, message) => {
    const path = await mkdtemp(join(folder, 'damaged-'));
    await writeFile(join(path, 'a.jsonl'), content, 'latin1');
    const shards = await openShards(localSource(path), join(folder, 'index'), all => all);
    await expect(shards.read([1], row => row)).rejects.toThrow(message);
  });

  it('has no rows beyond its end', async () => {
    const shards = await open('mixed');
    await expect(shards.read([299, 300], textOf)).rejects.toThrow('There is no row 300 in');
  });
});
