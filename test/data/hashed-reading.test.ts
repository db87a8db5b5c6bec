import {assert, constantFrom, property, string} from 'fast-check';
import {describe, expect, it} from 'vitest';
import {checkNgrams, type NgramReading, readNgrams} from '../../src/data/hashed-reading.ts';
import {denseRows} from '../../src/data/sparse-rows.ts';
import {InputError} from '../../src/errors.ts';

const reading: NgramReading = {kind: 'n-grams', buckets: 512, words: 2, characters: [3, 4], length: 200};
/** So many buckets that two runs of a short text hardly ever share one. */
const roomy = {...reading, buckets: 2 ** 20};

function rowOf(text: string, options: NgramReading = reading): Float32Array {
  return denseRows(readNgrams([text], options)).data as Float32Array;
}

function hits(text: string, options: NgramReading): number {
  return rowOf(text, options).reduce((count, value) => count + (value > 0 ? 1 : 0), 0);
}

describe('readNgrams', () => {
  it('gives each text a row of numbers that does not depend on other texts', () => {
    const {shape, count, data} = denseRows(readNgrams(['a red dog', 'a blue cat'], reading));
    expect([shape, count]).toEqual([[512], 2]);
    expect(data.subarray(0, 512)).toEqual(rowOf('a red dog'));
    expect(data.subarray(512)).toEqual(rowOf('a blue cat'));
  });

  it('hits a bucket for each run of words and of characters, the same run once', () => {
    const words = {...roomy, characters: [0, 0]} as const;
    // a, red, dog; a red, red dog
    expect(hits('a red dog', words)).toBe(5);
    // a, ","; "a ,", ", a", "a a"
    expect(hits('a, a a', words)).toBe(5);
    // " ab", "ab ", " ab "
    expect(hits('ab', {...roomy, words: 0})).toBe(3);
    // " aa", "aaa", "aa "; " aaa", "aaaa", "aaa "
    expect(hits('aaaaa', {...roomy, words: 0})).toBe(6);
  });

  it('distinguishes a word from its characters, and a run from the same words in another order', () => {
    const both = {...roomy, characters: [5, 5]} as const;
    expect(hits('dog', {...both, words: 1})).toBe(2);
    expect(rowOf('dog cat', roomy)).not.toEqual(rowOf('cat dog', roomy));
  });

  it('reads words of any script', () => {
    const words = {...roomy, words: 1, characters: [0, 0]} as const;
    expect(hits('Это кот', words)).toBe(2);
    expect(hits('นี่คือแมว', words)).toBe(1);
    expect(hits('これは猫です。', words)).toBe(2);
  });

  it('reads no further than its length', () => {
    const short = {...reading, length: 10};
    expect(rowOf('0123456789 and more', short)).toEqual(rowOf('0123456789', short));
  });

  it('makes zeros of a text without a sign', () => {
    expect(hits('', reading)).toBe(0);
    expect(hits(' \n\t', reading)).toBe(0);
  });

  it('gives every other text a row of length 1', () => {
    assert(
      property(string({unit: 'binary', maxLength: 300}), text => {
        const norm = Math.hypot(...rowOf(text));
        expect(norm === 0 || Math.abs(norm - 1) < 1e-4).toBe(true);
      }),
    );
  });

  it('is blind to case, to the width of white space, and to how a letter is encoded', () => {
    assert(
      property(string({maxLength: 50}), constantFrom(' ', '\n', ' \t ', '\u00a0'), (text, gap) => {
        expect(rowOf(`${gap}${text.toUpperCase()}${gap}x`)).toEqual(rowOf(`${text.toUpperCase().toLowerCase()} x`));
      }),
    );
    expect(rowOf('cafe\u0301')).toEqual(rowOf('café'));
    expect(rowOf('ｄｏｇ')).toEqual(rowOf('dog'));
  });

  it('spreads runs evenly over the buckets', () => {
    const words = Array.from({length: 4096}, (_, index) => `w${index}`);
    const {data} = denseRows(readNgrams(words, {...reading, buckets: 64, words: 1, characters: [0, 0]}));
    const counts = Array.from({length: 64}, (_, bucket) =>
      words.reduce((sum, _, row) => sum + (data[row * 64 + bucket]! > 0 ? 1 : 0), 0),
    );
    // 64 per bucket on average. Chi-squared with 63 degrees of freedom is above 120 once in a hundred thousand times.
    expect(counts.reduce((sum, count) => sum + (count - 64) ** 2 / 64, 0)).toBeLessThan(120);
  });

  it('is the same everywhere and in every version, because a saved student depends on it', () => {
    const hits = (text: string) =>
      [...rowOf(text).entries()].filter(([, value]) => value > 0).map(([bucket]) => bucket);
    expect(hits('Hi, né?')).toMatchInlineSnapshot(`
      [
        22,
        24,
        91,
        122,
        170,
        225,
        254,
        258,
        282,
        307,
        309,
        332,
        344,
        361,
        372,
        380,
        391,
        425,
        480,
        502,
      ]
    `);
  });
});

describe('checkNgrams', () => {
  it.each([
    [{buckets: 1}, 'Expected `buckets` to be a whole number from 2 to 1048576, got 1.'],
    [{words: -1}, 'Expected `words` to be a whole number from 0 to 5, got -1.'],
    [{length: 0}, 'Expected `length` to be a whole number from 1 to 1048576, got 0.'],
    [{characters: [4, 3]}, 'Expected `characters` to be two whole numbers up to 10, the smaller one first, got 4,3.'],
    [{characters: [0, 3]}, 'Expected `characters` to be two whole numbers up to 10'],
    [{words: 0, characters: [0, 0]}, 'Both `words` and `characters` are off'],
  ] as const)('refuses %j', (options, problem) => {
    expect(() => checkNgrams({...reading, ...options})).toThrow(InputError);
    expect(() => checkNgrams({...reading, ...options})).toThrow(problem);
  });
});
