import fc from 'fast-check';
import Papa from 'papaparse';
import {describe, expect, it} from 'vitest';
import {blocksOf} from '../../../src/data/texts/blocks.ts';
import {tableTexts} from '../../../src/data/texts/table.ts';
import {chunksOf, collected} from './collected.ts';

async function read(content: string, size: number, options: Parameters<typeof tableTexts>[1]['options'] = {}) {
  const source = {file: 'table', delimiter: undefined, options};
  const records = await collected(tableTexts(blocksOf(chunksOf(content, size), {file: 'table'}), source));
  return records.flat();
}

const cell = fc.string({unit: fc.constantFrom('a', 'é', ' ', ',', '"', '\n', '😀', ';'), maxLength: 8});

describe('tableTexts', () => {
  it('reads what Papa Parse writes, however the chunks are cut', async () => {
    const rows = fc.array(fc.tuple(cell, cell), {minLength: 1, maxLength: 12});
    await fc.assert(
      fc.asyncProperty(
        rows,
        fc.integer({min: 1, max: 30}),
        fc.constantFrom('\n', '\r\n'),
        async (cells, size, newline) => {
          const content = Papa.unparse([['text', 'label'], ...cells], {newline, quotes: true});
          const records = await read(content, size);
          expect(records.map(({text, label}) => [text, label ?? ''])).toEqual(cells);
        },
      ),
    );
  });

  it('names the line that a row begins in', async () => {
    const records = await read('text,id\n"a\nb",1\r\n\r\nc,2\n"d\r\n\r\ne",3\nf,4', 3);
    expect(records.map(({text, line}) => [text, line])).toEqual([
      ['a\nb', 2],
      ['c', 5],
      ['d\n\ne', 6],
      ['f', 9],
    ]);
  });

  it.each([
    ['text;label\na, b;x\nc, d;y', ['a, b', 'c, d']],
    ['label\ttext\nx\ta, b; c', ['a, b; c']],
    ['text|label\na|x', ['a']],
    ['text\rold\rlines', ['old', 'lines']],
    ['text\nno delimiter', ['no delimiter']],
    ['"text","label"\n"",""\n";;\n",""', ['', ';;\n']],
  ])('finds what stands between the cells of %j', async (content, texts) => {
    expect((await read(content, 100)).map(({text}) => text)).toEqual(texts);
  });

  it.each([
    ['text\na\nb', ['a', 'b'], /names of the columns \(`text`\)/],
    ['a text\nb', ['a text', 'b'], /taken for data/],
    ['Body,Kind\nhello there,x\nwell,y', ['hello there', 'well'], /names of the columns \(`Body`, `Kind`\)/],
    ['It crashes,bug\nIt crashed,bug', ['It crashes', 'It crashed'], /taken for data/],
    ['Is it broken?,bug\nNo.,praise', ['Is it broken?', 'No.'], /taken for data/],
    ['7,bug\n8,praise', ['7', '8'], /taken for data/],
  ])('guesses if the first row of %j is a header, and notes it', async (content, texts, said) => {
    const notes: string[] = [];
    const hasNames = content.startsWith('text') || content.startsWith('a text');
    const options = {...(!hasNames && {text: '1'}), onNote: (note: string) => void notes.push(note)};
    const wanted = content.startsWith('Body') ? {...options, text: 'Body'} : options;
    expect((await read(content, 100, wanted)).map(({text}) => text)).toEqual(texts);
    expect(notes).toEqual([expect.stringMatching(said)]);
  });

  it('takes the first row for a header or for data as `header` says', async () => {
    expect((await read('a\nb', 9, {header: true})).map(({text}) => text)).toEqual(['b']);
    expect((await read('text\nb', 9, {header: false})).map(({text}) => text)).toEqual(['text', 'b']);
  });
});
