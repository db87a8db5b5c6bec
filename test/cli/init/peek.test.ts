import {mkdir, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import {peekTexts, shown} from '../../../src/cli/init/peek.ts';
import {folders} from '../../study/tiny.ts';

const newFolder = folders();
let folder: string;

beforeAll(async () => {
  folder = await newFolder('peek');
});

const fixture = (name: string): string => join(import.meta.dirname, '../../fixtures/texts', name);

async function file(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

describe('a look at texts', () => {
  it('finds the text and the label of a table by their names, and shows what columns hold', async () => {
    expect(await peekTexts(fixture('tickets.csv'))).toMatchObject({
      format: 'csv',
      isGuessed: false,
      text: 'text',
      label: 'label',
      hasHeader: true,
      fields: [
        {name: 'id', example: 'T-1'},
        {name: 'label', example: 'refund'},
        {name: 'text', example: 'I was charged twice, please refund one.'},
      ],
    });
  });

  it('calls columns without names by their numbers, and takes the longest for the text', async () => {
    const peek = await peekTexts(fixture('tickets.tsv'));
    expect(peek).toMatchObject({format: 'tsv', hasHeader: false, text: '2', label: undefined});
  });

  it.each(['tickets.jsonl', 'tickets.jsonl.gz', 'tickets-zstd.parquet'])('looks into the objects of %s', async name => {
    const peek = await peekTexts(fixture(name));
    expect(peek.text).toBe('ticket.body');
    expect(peek.fields.map(field => field.name)).toContain('ticket.body');
  });

  it('takes the surest of several names, wherever it stands', async () => {
    const path = await file('both.csv', 'description,topic,text,class\nlong long long,a,short,b\n');
    expect(await peekTexts(path)).toMatchObject({text: 'text', label: 'class'});
  });

  it('knows names of columns that it never heard of from data', async () => {
    const named = await file('named.csv', 'Nummer,Anliegen\n1,Geld zurück bitte\n2,Es geht nicht\n');
    const bare = await file('bare.csv', '1,Geld zurück bitte\n2,Es geht nicht\n');
    expect(await peekTexts(named)).toMatchObject({hasHeader: true, text: 'Anliegen'});
    expect(await peekTexts(bare)).toMatchObject({hasHeader: false, text: '2'});
  });

  it('says what it guessed of a file whose name says nothing', async () => {
    const lines = await file('lines', 'one text\nand another\n');
    const objects = await file('objects', '{"body": "a text"}\n');
    expect(await peekTexts(lines)).toMatchObject({format: 'lines', isGuessed: true, fields: []});
    expect(await peekTexts(objects)).toMatchObject({format: 'jsonl', isGuessed: true, text: 'body'});
  });

  it('takes folders for classes only where every file is in one, and there are several', async () => {
    expect((await peekTexts(fixture('tickets'))).folders).toEqual(['bug', 'praise', 'refund']);
    await mkdir(join(folder, 'mixed/a'), {recursive: true});
    await file('mixed/a/one.txt', 'one');
    expect((await peekTexts(join(folder, 'mixed'))).folders).toEqual([]);
    await mkdir(join(folder, 'mixed/b'));
    await file('mixed/b/two.txt', 'two');
    await file('mixed/three.txt', 'three');
    expect((await peekTexts(join(folder, 'mixed'))).folders).toEqual([]);
  });

  it('names what it can’t read', async () => {
    await mkdir(join(folder, 'empty'));
    const broken = await file('broken.jsonl', '{"text": "a"}\n{"text": \n');
    const garbage = await file('garbage.parquet', 'no parquet');
    await expect(peekTexts(join(folder, 'none'))).rejects.toThrow("Can't read");
    await expect(peekTexts(join(folder, 'empty'))).rejects.toThrow('There are no files in');
    await expect(peekTexts(await file('nothing.txt', ''))).rejects.toThrow('There is nothing in');
    await expect(peekTexts(broken)).rejects.toThrow('broken.jsonl, line 2: not JSON');
    await expect(peekTexts(garbage)).rejects.toThrow("can't be read as Parquet");
  });
});

describe('what is shown of a text', () => {
  it('is one line, cut between whole characters', () => {
    expect(shown('two\nlines\t here ')).toBe('two lines here');
    const cut = shown('😀'.repeat(200));
    expect([...cut]).toHaveLength(70);
    expect(cut.endsWith('😀…')).toBe(true);
  });

  it('is what JSON makes of anything else', () => {
    expect([shown(undefined), shown(12n), shown([1, 'a'])]).toEqual(['', '"12"', '[1,"a"]']);
  });
});
