import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Readable} from 'node:stream';
import {describe, expect, it, onTestFinished} from 'vitest';
import {folderSize, readLines} from '../../src/data/files.ts';

async function lines(...chunks: readonly (string | Uint8Array)[]): Promise<string[]> {
  const read: string[] = [];
  for await (const line of readLines(Readable.from(chunks.map(chunk => Buffer.from(chunk))))) read.push(line);
  return read;
}

describe('the lines of a stream', () => {
  it.each<[string, readonly string[], readonly string[]]>([
    ['nothing', [], []],
    ['one without an end', ['a'], ['a']],
    ['ends of both kinds', ['a\nb\r\nc\n'], ['a', 'b', 'c']],
    ['empty ones', ['\n\na\n\n'], ['', '', 'a', '']],
    ['pieces', ['a', 'b', 'c\nd', '\r', '\ne'], ['abc', 'd', 'e']],
    ['a return within', ['a\rb\n'], ['a\rb']],
  ])('are told apart: %s', async (_, chunks, expected) => {
    expect(await lines(...chunks)).toEqual(expected);
  });

  it('do not end at characters that JSON can contain', async () => {
    const line = JSON.stringify({text: 'one\u2028two\u2029three\u0085four\vfive'});
    expect(await lines(`${line}\n${line}\n`)).toEqual([line, line]);
  });

  it('are read as UTF-8, however the pieces are cut', async () => {
    const bytes = Buffer.from('Grüße 😀\nGrüße');
    expect(await lines(...Array.from(bytes, byte => Uint8Array.of(byte)))).toEqual(['Grüße 😀', 'Grüße']);
  });
});

describe('folderSize', () => {
  it('adds up the bytes of all files', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'limbeck-test-'));
    onTestFinished(() => rm(folder, {recursive: true}));
    await writeFile(join(folder, 'a'), 'Grüße');
    await writeFile(join(folder, 'b'), new Uint8Array(1000));
    expect(await folderSize(folder)).toBe(1007);
  });
});
