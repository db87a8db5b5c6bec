import {execFile, spawnSync} from 'node:child_process';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {promisify} from 'node:util';
import fc from 'fast-check';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {bucketReader, type NgramReading, readSubwords, type SubwordReading} from '../../../src/data/hashed-reading.ts';
import {type PieceReading, pieceReader} from '../../../src/data/piece-reading.ts';
import type {PaddedReading} from '../../../src/export/onnx/padded-texts.ts';
import {type TextFunctions, textFunctions} from '../../../src/export/onnx/text-functions.ts';

const ngrams: NgramReading = {kind: 'n-grams', buckets: 2 ** 14, words: 1, characters: [3, 4], length: 10_000};
const subwords: SubwordReading = {kind: 'subwords', buckets: 2 ** 13, characters: 4, pieces: 24, length: 10_000};
const pieces: PieceReading = {
  kind: 'word-pieces',
  vocabulary: 'a b e fi file ##e ##le ##l 한 ##국 漢 ##字 ท ##ย 😀 ##😀 α σ ##σ " \\ - ’ हि ##न्दी i ##i',
  length: 10_000,
};
const READINGS: readonly PaddedReading[] = [
  {reading: ngrams},
  {reading: {...ngrams, buckets: 97, words: 3, characters: [0, 0], length: 7}},
  {reading: {...ngrams, words: 0, characters: [1, 10]}},
  {reading: subwords},
  {reading: {...subwords, characters: 1, pieces: 5}, leastPadding: 0},
  {reading: {...subwords, buckets: 11, length: 3}, leastPadding: 2},
  {reading: pieces},
  {reading: {...pieces, length: 7}},
];

const names = {model: 'student.onnx', program: 'student_texts', input: 'texts', outputs: ['logits', 'probabilities']};
const NO_PYTHON = spawnSync('python3', ['--version']).status === 0 ? undefined : ' (there is no python3 here)';
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-test-'));
});
afterAll(() => rm(folder, {recursive: true}));

/** What a student reads of texts, as rows of one length. */
function rowsOf(texts: readonly string[], {reading, leastPadding}: PaddedReading): number[][] {
  const isPadded = reading.kind === 'subwords';
  const rows = texts.map(text => {
    if (isPadded) return [...readSubwords([text], reading).data].filter(piece => piece > 0);
    return [...(reading.kind === 'n-grams' ? bucketReader(reading) : pieceReader(reading))(text)];
  });
  const longest = Math.max(1, ...rows.map(({length}) => length));
  const length = isPadded ? Math.min(reading.pieces, longest + (leastPadding ?? reading.pieces)) : longest;
  return rows.map(row => [...row, ...new Array<number>(length - row.length).fill(isPadded ? 0 : -1)]);
}

/** Signs that are read in their own ways: marks, forms that NFKC joins or parts, scripts without spaces, white space. */
const odd = fc.constantFrom(
  ...['é', 'e\u0301', 'ﬁ', 'Å', '①', 'ﷺ', 'İ', 'ẞ', 'ß', 'Σ', 'ΑΣ', 'ΑΣΑ', 'ǅ', '\u0345', '\u200d', '\u00ad'],
  ...['ไทย', 'ก็', 'ကို', 'བོད', '漢', 'か\u3099', 'ｶﾞ', '한', '\u1112\u1161\u11ab', 'ㄅ', 'ꀀ', 'हिन्दी', 'שָׁ', 'عَر'],
  ...['\u0085', '\u180e', '\ufeff', '\u2028', '\u3000', '\u00a0', '\u1680', '\u200b', '\v', '\u001c', ' ', '\t\n'],
  ...['\ud83d', '\ude00', '😀', '👩‍👩‍👧', '🇪🇺', '𝔘', '𠀀', '٣', '½', '²', '_', '’', '-'],
);
/** Every sign of Unicode and every half of a pair, without private ones. */
const SIGNS = Array.from({length: 0x11_0000}, (_, code) => String.fromCodePoint(code)).filter(
  sign => !/[\p{Cn}\p{Co}]/u.test(sign),
);
const anySign = fc.integer({min: 0, max: SIGNS.length - 1}).map(index => SIGNS[index]!);
const anyText = fc.oneof(
  fc.string({unit: 'grapheme'}),
  fc.array(anySign).map(signs => signs.join('')),
  fc.array(fc.oneof(odd, fc.string({maxLength: 5})), {maxLength: 12}).map(parts => parts.join('')),
);

async function written(reading: PaddedReading, index: number): Promise<TextFunctions & {readonly module: string}> {
  const functions = await textFunctions(reading, names);
  const module = join(folder, `reading_${index}.mjs`);
  await writeFile(module, functions.javascript);
  await writeFile(join(folder, `reading_${index}.py`), functions.python);
  return {...functions, module};
}

describe.each(READINGS.map((reading, index) => ({reading, index})))(
  'the functions that read texts by $reading',
  ({reading, index}) => {
    it('read them in JavaScript as a student does', async () => {
      const {module, javascript} = await written(reading, index);
      expect(javascript).not.toMatch(/^import|require\(/m);
      const {readTexts} = (await import(pathToFileURL(module).href)) as {
        readTexts(texts: readonly string[]): {readonly data: Int32Array; readonly dims: readonly number[]};
      };
      fc.assert(
        fc.property(fc.array(anyText, {minLength: 1, maxLength: 3}), texts => {
          const {data, dims} = readTexts(texts);
          const rows = rowsOf(texts, reading);
          expect(dims).toEqual([texts.length, rows[0]!.length]);
          expect([...data]).toEqual(rows.flat());
        }),
      );
    });

    it.skipIf(NO_PYTHON !== undefined)(`read them in Python as a student does${NO_PYTHON ?? ''}`, async () => {
      const {python} = await written(reading, index);
      expect(python.match(/^(?:import|from) \w+/gm)).toEqual(expect.arrayContaining(['import unicodedata']));
      const texts = fc.sample(anyText, 500);
      const file = join(folder, `texts_${index}.json`);
      await writeFile(file, JSON.stringify(texts));
      const {stdout} = await promisify(execFile)('python3', ['-c', PROGRAM, folder, `reading_${index}`, file], {
        maxBuffer: 2 ** 28,
      });
      const {rows, unknown} = JSON.parse(stdout) as {rows: number[][]; unknown: boolean[]};
      expect(rows).toHaveLength(texts.length);
      // A sign that came to Unicode after this version of Python has no form or kind there.
      expect(unknown.filter(Boolean).length).toBeLessThan(texts.length / 2);
      for (const [row, text] of texts.entries()) {
        if (unknown[row]) continue;
        expect({text, row: rows[row]}).toEqual({text, row: rowsOf([text], reading)[0]});
      }
    });
  },
);

const PROGRAM = `
import json, sys, unicodedata
folder, module, file = sys.argv[1:]
sys.path.insert(0, folder)
read_texts = __import__(module).read_texts
texts = json.load(open(file, encoding="utf-8"))
print(json.dumps({
    "rows": [read_texts([text])[0] for text in texts],
    "unknown": [any(unicodedata.category(character) == "Cn" for character in text) for text in texts],
}))
`;
