import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {blocksOf, linesOf} from '../../../src/data/texts/blocks.ts';
import {InputError} from '../../../src/errors.ts';
import {chunksOf, collected} from './collected.ts';

async function linesIn(bytes: Buffer, size: number, encoding?: string): Promise<[line: number, text: string][]> {
  const options = {file: 'file', ...(encoding !== undefined && {encoding})};
  const blocks = await collected(blocksOf(chunksOf(bytes, size), options));
  return blocks.flatMap(({text, line}) =>
    linesOf(text).map((content, index): [number, string] => [line + index, content]),
  );
}

describe('blocksOf', () => {
  const line = fc.string({unit: fc.constantFrom('a', 'ß', '語', '😀', ' '), maxLength: 6});

  it('gives every line with its number, however the chunks are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, {minLength: 1}),
        fc.integer({min: 1, max: 9}),
        fc.boolean(),
        async (lines, size, mark) => {
          const content = lines.map(text => `${text}\n`).join('');
          const read = await linesIn(Buffer.from((mark ? '\uFEFF' : '') + content), size);
          expect(read).toEqual(lines.map((text, index) => [index + 1, text]));
        },
      ),
    );
  });

  it('takes CR LF for the end of a line, and needs none after the last one', async () => {
    expect(await linesIn(Buffer.from('a\r\nb\r\n\r\nc'), 2)).toEqual([
      [1, 'a'],
      [2, 'b'],
      [3, ''],
      [4, 'c'],
    ]);
  });

  it('names the line that is not UTF-8, however the chunks are cut', async () => {
    for (const size of [1, 4, 100]) {
      const reading = linesIn(Buffer.from('a\nß\nb\xff\nc', 'latin1'), size);
      await expect(reading).rejects.toThrow('file, line 2: not valid UTF-8');
      const cut = linesIn(Buffer.from('a\nb\n語').subarray(0, -1), size);
      await expect(cut).rejects.toThrow('file, line 3: not valid UTF-8');
      await expect(cut).rejects.toThrow(InputError);
    }
  });

  it('reads other encodings, and says near which line they fail', async () => {
    expect(await linesIn(Buffer.from([0x80, 0x0a, 0xe4]), 1, 'windows-1252')).toEqual([
      [1, '€'],
      [2, 'ä'],
    ]);
    const wrong = linesIn(Buffer.from([0x61, 0x0a, 0xff, 0x0a]), 100, 'gb18030');
    await expect(wrong).rejects.toThrow(/file, line 1 or one of the 2 after it is not gb18030/);
    await expect(linesIn(Buffer.from('a'), 1, 'utf-16le')).rejects.toThrow(/UTF-16 can't be read/);
  });

  it('stops reading an endless line', async () => {
    const endless = async function* () {
      for (;;) yield Buffer.alloc(2 ** 22, 'a');
    };
    await expect(collected(blocksOf(endless(), {file: 'file'}))).rejects.toThrow('file, line 1: longer than 64 MiB');
  });
});
