import {assert, property, string} from 'fast-check';
import {describe, expect, it} from 'vitest';
import {checkSubwords, readSubwords, type SubwordReading} from '../../src/data/hashed-reading.ts';
import {InputError} from '../../src/errors.ts';

/** So many numbers that two subwords hardly ever share one. */
const reading: SubwordReading = {kind: 'subwords', buckets: 2 ** 20, characters: 4, pieces: 12, length: 200};

function idsOf(text: string, options: SubwordReading = reading): number[] {
  return Array.from(readSubwords([text], options).data);
}

/** The subwords of a text, without the rest of the sequence. */
function piecesOf(text: string, options: SubwordReading = reading): number[] {
  return idsOf(text, options).filter(id => id > 0);
}

describe('readSubwords', () => {
  it('gives each text a sequence of one length that does not depend on other texts', () => {
    const {dtype, shape, count, data} = readSubwords(['a red dog', 'a blue cat'], reading);
    expect([dtype, shape, count]).toEqual(['int32', [12], 2]);
    expect([...data.subarray(0, 12)]).toEqual(idsOf('a red dog'));
    expect([...data.subarray(12)]).toEqual(idsOf('a blue cat'));
  });

  it('gives the same numbers wherever it runs', () => {
    expect(piecesOf('Limbeck distils. 蒸留!')).toMatchInlineSnapshot(`
      [
        520263,
        775895,
        413824,
        632155,
        608445,
        969288,
        111119,
        511778,
      ]
    `);
  });

  it('cuts words into pieces from their beginnings, the last one shorter', () => {
    expect(piecesOf('distilled')).toHaveLength(3);
    expect(piecesOf('distillate').slice(0, 2)).toEqual(piecesOf('distillation').slice(0, 2));
    expect(piecesOf('distilled', {...reading, characters: 9})).toHaveLength(1);
    expect(piecesOf('distilled', {...reading, characters: 1})).toHaveLength(9);
  });

  it('distinguishes a piece at the start of a word from the same piece inside one', () => {
    const [within] = piecesOf('distdist').slice(1);
    expect(piecesOf('dist dist')).toEqual([piecesOf('dist')[0], piecesOf('dist')[0]]);
    expect(within).not.toBe(piecesOf('dist')[0]);
    expect(piecesOf('dist-dist')[2]).toBe(piecesOf('dist')[0]);
  });

  it('takes signs one by one', () => {
    expect(piecesOf('ab, cd!!')).toHaveLength(5);
    expect(piecesOf('👍🏽👍')).toHaveLength(3);
  });

  it('keeps marks with their letter', () => {
    // Four letters and their marks: composed or not, one piece.
    expect(piecesOf('q\u0323q\u0323q\u0323q\u0323')).toHaveLength(1);
    expect(piecesOf('äöüß')).toEqual(piecesOf('a\u0308o\u0308u\u0308ß'));
    expect(piecesOf('हिन्दी')).toHaveLength(1);
  });

  it('takes characters one by one in scripts that put no spaces between words', () => {
    const [cat] = piecesOf('猫');
    expect(piecesOf('これは猫です')).toHaveLength(6);
    expect(piecesOf('これは猫です')).toContain(cat);
    expect(piecesOf('แมว')).toHaveLength(3);
    expect(piecesOf('고양이')).toHaveLength(3);
    expect(piecesOf('limbeck猫')).toEqual([...piecesOf('limbeck'), cat]);
  });

  it('reads the same in upper case and lower case, wide and narrow', () => {
    expect(piecesOf('ＬＩＭＢＥＣＫ')).toEqual(piecesOf('limbeck'));
  });

  it('reads as many pieces as the sequence holds, and no further than its length', () => {
    const short = {...reading, pieces: 3};
    expect(idsOf('a b c d e', short)).toEqual(idsOf('a b c', short));
    expect(idsOf('a b c and more', {...reading, length: 5})).toEqual(idsOf('a b c'));
  });

  it('leaves the whole sequence empty for a text without a sign', () => {
    expect(piecesOf('')).toEqual([]);
    expect(piecesOf(' \n\t')).toEqual([]);
  });

  it('numbers subwords from 1 to the number of buckets, of any text', () => {
    const few = {...reading, buckets: 8};
    assert(
      property(string({unit: 'binary', minLength: 1}), text => {
        const ids = idsOf(text, few);
        expect(ids.every(id => id >= 0 && id <= 8)).toBe(true);
        const end = ids.indexOf(0);
        if (end >= 0) expect(ids.slice(end).every(id => id === 0)).toBe(true);
      }),
    );
  });
});

describe('checkSubwords', () => {
  it.each([
    [{buckets: 1}, '`buckets` to be a whole number from 2'],
    [{characters: 0}, '`characters` to be a whole number from 1 to 20'],
    [{pieces: 1.5}, '`pieces` to be a whole number from 1'],
    [{length: 0}, '`length` to be a whole number from 1'],
  ])('refuses %o', (options, problem) => {
    expect(() => checkSubwords({...reading, ...options})).toThrow(InputError);
    expect(() => checkSubwords({...reading, ...options})).toThrow(problem);
  });
});
