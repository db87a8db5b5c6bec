import {mkdir, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';
import {gzipSync} from 'node:zlib';
import {beforeAll, describe, expect, it} from 'vitest';
import {readTexts} from '../../../src/data/texts/read.ts';
import type {ReadTextsOptions, TextRecord} from '../../../src/data/texts/record.ts';
import {InputError} from '../../../src/errors.ts';
import {folders} from '../../study/tiny.ts';
import {collected} from './collected.ts';

const newFolder = folders();
let folder: string;

beforeAll(async () => {
  folder = await newFolder('texts');
});

const fixture = (name: string): string => join(import.meta.dirname, '../../fixtures/texts', name);

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

async function all(path: string, options?: ReadTextsOptions): Promise<TextRecord[]> {
  return collected(readTexts(path, options));
}

async function textsOf(path: string, options?: ReadTextsOptions): Promise<string[]> {
  return (await all(path, options)).map(({text}) => text);
}

async function notesOf(path: string, options?: ReadTextsOptions): Promise<string[]> {
  const notes: string[] = [];
  await all(path, {...options, onNote: note => notes.push(note)});
  return notes;
}

/** The tickets in every fixture. The sixth one is empty. */
const TICKETS = [
  ['T-1', 'refund', 'I was charged twice, please refund one.'],
  ['T-2', 'bug', 'The app says "unknown error", then\nit closes.'],
  ['T-3', 'bug', 'Seit dem Update stürzt die App ab; auch nach Neustart.'],
  ['T-4', 'praise', 'とても便利です。ありがとう！'],
  ['T-5', 'refund', 'Верните деньги, пожалуйста'],
  ['T-7', 'praise', 'Love it 😀, five stars'],
] as const;

const tickets = TICKETS.map(([id, label, text]) => ({id, label, text}));
const plain = TICKETS.map(([, , text]) => text.replace('\n', ' '));

describe('readTexts', () => {
  it('reads a CSV file that Excel wrote: a byte order mark, CR LF, a line end inside a cell', async () => {
    expect(await all(fixture('tickets.csv'))).toMatchObject(tickets);
    expect((await all(fixture('tickets.csv'))).map(({line}) => line)).toEqual([2, 3, 5, 6, 7, 9]);
  });

  it('reads a CSV file with semicolons in an old encoding', async () => {
    const options = {encoding: 'windows-1252', label: 'Klasse', id: 'Nr'};
    expect(await all(fixture('tickets-windows-1252.csv'), options)).toMatchObject(tickets.slice(0, 3));
  });

  it('reads a table without quotes and without a header, columns by their numbers', async () => {
    const options = {quotes: false, header: false, text: '2', label: '1'};
    const read = await all(fixture('tickets.tsv'), options);
    expect(read).toMatchObject(TICKETS.map(([, label], index) => ({label, text: plain[index]})));
  });

  it('reads one text per line', async () => {
    expect(await textsOf(fixture('tickets.txt'))).toEqual(plain);
  });

  it.each(['tickets.jsonl', 'tickets.jsonl.gz'])(
    'reads JSON lines, with a text inside other fields: %s',
    async name => {
      expect(await all(fixture(name), {text: 'ticket.body'})).toMatchObject(tickets);
    },
  );

  it.each(['none', 'snappy', 'gzip', 'brotli', 'zstd', 'lz4'])('reads Parquet, compressed with %s', async name => {
    const path = fixture(`tickets-${name}.parquet`);
    expect(await all(path, {text: 'ticket.body'})).toMatchObject(tickets);
    expect((await all(path, {text: 'ticket.body'})).map(({line}) => line)).toEqual([1, 2, 3, 4, 5, 7]);
  });

  it('reads the files of a folder in the order of their names, with subfolders as labels if asked to', async () => {
    const read = await all(fixture('tickets'), {folderLabels: true});
    expect(read.map(({id, label, text}) => [id, label, text.trim()])).toEqual(
      ['T-2', 'T-3', 'T-4', 'T-7', 'T-1', 'T-5'].map(wanted => {
        const [name, label, text] = TICKETS.find(([id]) => id === wanted)!;
        return [`${label}/${name}.txt`, label, text];
      }),
    );
    expect((await all(fixture('tickets'))).map(({label}) => label)).toEqual(new Array(6).fill(undefined));
  });

  it('reads every file of a folder in the format that is named', async () => {
    const shards = join(folder, 'shards');
    await mkdir(join(shards, 'bug'), {recursive: true});
    await writeFile(join(shards, 'bug', '1.jsonl'), '"one"\n{"text": "two", "id": 2}\n');
    await writeFile(join(shards, 'bug', '2.jsonl.gz'), gzipSync('"three"'));
    const read = await all(shards, {format: 'jsonl', folderLabels: true});
    expect(read).toMatchObject([
      {text: 'one', label: 'bug', line: 1},
      {text: 'two', label: 'bug', id: '2', line: 2},
      {text: 'three', label: 'bug', line: 1},
    ]);
  });

  it('guesses the format of a file if its name tells none, and notes it', async () => {
    const lines = await file('lines.log', 'a {text}\nb');
    const json = await file('json', '\n{"text": "a"}\n');
    expect(await textsOf(lines)).toEqual(['a {text}', 'b']);
    expect(await textsOf(json)).toEqual(['a']);
    expect(await notesOf(lines)).toEqual([
      `${lines}: read as one text per line. If that is wrong, name its \`format\`.`,
    ]);
    expect(await notesOf(json)).toEqual([`${json}: read as JSON lines. If that is wrong, name its \`format\`.`]);
  });

  it('counts texts of only white space, names the line of the first one, and leaves them out unless told to keep them', async () => {
    const path = await file('empty.txt', 'a\n\n \t\nb\n');
    expect(await textsOf(path)).toEqual(['a', 'b']);
    expect(await textsOf(path, {empty: 'keep'})).toEqual(['a', '', ' \t', 'b']);
    expect(await notesOf(path)).toEqual([`${path}: 2 empty texts left out, the first at ${path}, line 2.`]);
    expect(await notesOf(path, {empty: 'keep'})).toEqual([]);
  });

  it('reads nothing from an empty file', async () => {
    for (const name of ['none.txt', 'none.jsonl', 'none.csv', 'none', 'none.txt.gz']) {
      expect(await textsOf(await file(name, ''))).toEqual([]);
    }
  });

  it.each([
    ['bad.jsonl', '"a"\n{"text": 5}', {}, /bad\.jsonl, line 2: field `text` is a number, not a text/],
    ['bad.jsonl', '{"body": "a", "by": {"name": "b"}}', {}, /line 1: no field `text`, only `body`, `by\.name`\. Name/],
    ['bad.jsonl', '{"text": "a"}', {label: 'kind'}, /line 1: no field `kind`, only `text`/],
    ['bad.jsonl', '{"text": "a", "label": ["b"]}', {}, /line 1: field `label` is a list, neither a text nor a number/],
    ['bad.jsonl', '["a"]', {}, /line 1: a list\. Write a JSON text/],
    ['bad.jsonl', '"a"\n"b', {}, /line 2: not JSON\. Write one/],
    ['bad.json', '[\n{"text": "a"}]', {}, /line 1: not JSON\. The file looks like one JSON document\. .*jq/],
    ['bad.csv', 'id,body\n1,a', {}, /no column `text`, only `id`, `body`\. Name the one with the text/],
    ['bad.csv', 'text,id,text\na,1,b', {}, /bad\.csv: two columns are called `text`/],
    ['bad.csv', '1,a', {}, /no column `text`, only `1`, `2`, because the first row is taken for data/],
    ['bad.csv', 'text,id\na,1', {label: 'kind'}, /no column `kind`, only `text`, `id`\. Name the one with the label/],
    ['bad.csv', 'id,text\n1,a\n2,b, c\n', {}, /line 3: 3 cells, but the first row has 2/],
    ['bad.csv', 'id,text\n1\n', {}, /line 2: 1 cells, but the first row has 2/],
    ['bad.csv', 'id,text\n1,"a"\n2,"b\n', {}, /line 3: a quote that is not closed/],
    ['bad.csv', 'id,text\n1,"a\nb"\n2,"c"d"\n', {}, /line 4: a quote that is not closed, or closed inside its cell/],
    ['bad.parquet', 'PAR1', {}, /bad\.parquet can't be read as Parquet/],
    ['bad.txt.gz', gzipSync('a text').subarray(0, 12), {}, /bad\.txt\.gz can't be unzipped/],
    ['bad.txt', Uint8Array.of(0x61, 0x0a, 0xe4, 0x0a), {}, /line 2: not valid UTF-8\. .*`encoding`/],
    ['bad.txt', 'a', {encoding: 'klingon'}, /no encoding klingon/],
    ['bad.txt', 'a', {folderLabels: true}, /bad\.txt is not a folder/],
  ] as const)('says what is wrong with %s (%j), where, and what to do', async (name, content, options, said) => {
    const path = await file(name, content);
    await expect(all(path, options)).rejects.toThrow(said);
    await expect(all(path, options)).rejects.toThrow(InputError);
  });

  it('names the columns of Parquet if the needed one is missing', async () => {
    const path = fixture('tickets-none.parquet');
    await expect(all(path)).rejects.toThrow(
      /none\.parquet: no column `text`, only `id`, `ticket`, `label`\. Name the one with the text in `text`/,
    );
    await expect(all(path, {text: 'ticket.body', label: 'kind'})).rejects.toThrow(
      /no column `kind`, .* the label in `label`/,
    );
    await expect(all(path, {text: 'ticket.head'})).rejects.toThrow(
      /line 1: no field `ticket.head`, only .*`ticket.body`/,
    );
  });

  it('refuses a missing file, UTF-16, an empty folder, and a file in no labelled folder', async () => {
    await expect(all(join(folder, 'missing'))).rejects.toThrow(/Can't read .*missing/);
    await expect(all(fixture('tickets-utf-16.txt'))).rejects.toThrow(/is UTF-16\. Save the file as UTF-8/);
    await mkdir(join(folder, 'nothing'));
    await expect(all(join(folder, 'nothing'))).rejects.toThrow(/There are no files in .*nothing/);
    await mkdir(join(folder, 'flat'));
    await writeFile(join(folder, 'flat', 'a.txt'), 'a');
    await expect(all(join(folder, 'flat'), {folderLabels: true})).rejects.toThrow(/a\.txt is in no folder that names/);
  });

  it('closes the file when its reader stops early, and stops when it is aborted', async () => {
    const path = await file('long.txt', 'a text\n'.repeat(200_000));
    for await (const {text} of readTexts(path)) {
      expect(text).toBe('a text');
      break;
    }
    const stop = new AbortController();
    const reading = (async () => {
      let count = 0;
      for await (const _ of readTexts(path, {signal: stop.signal})) if (++count === 10) stop.abort();
    })();
    await expect(reading).rejects.toThrow(/abort/);
  });

  it.each([
    ['jsonl', (line: number) => `{"text": "${line} ${'a'.repeat(400)}"}\n`],
    ['csv', (line: number) => `${line === 0 ? 'text\n' : ''}"${line} ""${'a'.repeat(400)}\n"""\n`],
    ['txt', (line: number) => `${line} ${'a'.repeat(400)}\n`],
  ])('takes no more memory for 200,000 texts of .%s than for a few', async (ending, lineOf) => {
    const lines = Array.from({length: 200_000}, (_, line) => lineOf(line));
    const path = await file(`many.${ending}.gz`, gzipSync(lines.join(''), {level: 1}));
    lines.length = 0;
    const before = held();
    let [count, most] = [0, 0];
    for await (const _ of readTexts(path)) if (++count % 40_000 === 0) most = Math.max(most, held() - before);
    expect(count).toBe(200_000);
    // 80 million characters in all.
    expect(most).toBeLessThan(16 * 2 ** 20);
  });
});

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes of memory in use. */
function held(): number {
  collectGarbage();
  const {heapUsed, external} = process.memoryUsage();
  return heapUsed + external;
}
