import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {randomInteger, seededRandom} from '../../../src/data/random.ts';
import {type DuplicateOptions, findDuplicates, normalise} from '../../../src/data/texts/duplicates.ts';
import {InputError} from '../../../src/errors.ts';

/** Found by definition: the share of runs of characters that both have. */
function similarity(one: string, other: string, length = 5): number {
  const [a, b] = [runsOf(normalise(one), length), runsOf(normalise(other), length)];
  const shared = [...a].filter(run => b.has(run)).length;
  return shared / (a.size + b.size - shared);
}

function runsOf(text: string, length: number): Set<string> {
  const count = Math.max(1, text.length - length + 1);
  return new Set(Array.from({length: count}, (_, start) => text.slice(start, start + length)));
}

const random = seededRandom(5, 'texts');
const pick = <T>(items: readonly T[]): T => items[randomInteger(random, 0, items.length - 1)]!;
const words = Array.from({length: 800}, () =>
  Array.from({length: randomInteger(random, 2, 9)}, () => pick([...'abcdefghijklmnopqrstuvwxyz'])).join(''),
);
const sentence = (length: number): string => Array.from({length}, () => pick(words)).join(' ');
const edited = (text: string, edits: number): string => {
  let changed = text;
  for (let edit = 0; edit < edits; edit++) {
    const position = randomInteger(random, 0, changed.length - 1);
    changed = changed.slice(0, position) + pick(['', 'x', 'yz']) + changed.slice(position + 1);
  }
  return changed;
};

const representatives = async (texts: readonly string[], options?: DuplicateOptions): Promise<number[]> => [
  ...(await findDuplicates(texts, options)).representative,
];

describe('findDuplicates', () => {
  it('takes texts for duplicates if they differ only in case, white space and forms of characters', async () => {
    const texts = [
      'Hello  World',
      ' hello\tworld\n',
      'ＨＥＬＬＯ world',
      'hello, world',
      'ﬁne',
      'FINE',
      'e\u0301',
      'É',
    ];
    expect(await findDuplicates(texts, {near: false})).toMatchObject({
      representative: Int32Array.of(0, 0, 0, 3, 4, 4, 6, 6),
      distinct: Int32Array.of(0, 3, 4, 6),
      exact: 4,
      near: 0,
    });
  });

  it('finds all but a few pairs that are as similar as the threshold, and none that are less similar', async () => {
    for (const near of [0.9, 0.75, 0.5]) {
      let [alike, found] = [0, 0];
      for (let pair = 0; pair < 600; pair++) {
        const length = randomInteger(random, 3, 40);
        const one = sentence(length);
        const other = edited(one, randomInteger(random, 1, 1 + Math.round(length * (1 - near))));
        const isFound = (await findDuplicates([one, other], {near, seed: pair})).distinct.length === 1;
        if (similarity(one, other) >= near) {
          alike++;
          if (isFound) found++;
        } else {
          expect(isFound).toBe(false);
        }
      }
      expect(alike).toBeGreaterThan(100);
      expect(found / alike).toBeGreaterThan(0.99);
    }
  });

  it('maps every duplicate to an earlier distinct text, and leaves no two similar distinct ones', async () => {
    const word = fc.constantFrom('ab', 'cd', 'Ef', 'gh');
    const text = fc.array(word, {maxLength: 12}).map(all => all.join(' '));
    await fc.assert(
      fc.asyncProperty(fc.array(text, {maxLength: 15}), fc.constantFrom(0.6, 0.8, 1), async (texts, near) => {
        const {representative, distinct, exact, near: nearly} = await findDuplicates(texts, {near});
        expect(distinct.length + exact + nearly).toBe(texts.length);
        const standing = new Set(distinct);
        for (const [index, kept] of representative.entries()) {
          expect(standing.has(kept)).toBe(true);
          expect(standing.has(index)).toBe(kept === index);
          expect(kept).toBeLessThanOrEqual(index);
          expect(similarity(texts[index]!, texts[kept]!)).toBeGreaterThanOrEqual(near);
        }
      }),
    );
    const many = Array.from({length: 60}, () => sentence(20));
    const noisy = [...many, ...many.map(one => edited(one, 1)), ...many.map(one => edited(one, 2))];
    const {distinct} = await findDuplicates(noisy, {near: 0.8});
    const kept = Array.from(distinct, index => noisy[index]!);
    for (const [position, one] of kept.entries()) {
      for (const other of kept.slice(position + 1)) expect(similarity(one, other)).toBeLessThan(0.8);
    }
  });

  it('gives the same for the same seed', async () => {
    const many = Array.from({length: 40}, () => sentence(8));
    const texts = [...many, ...many.map(one => edited(one, 2))];
    expect(await representatives(texts, {seed: 3})).toEqual(await representatives(texts, {seed: 3}));
  });

  it('compares runs of words if asked to', async () => {
    const texts = ['one two three four five six', 'one two three four five six seven', 'six five four three two one'];
    expect(await representatives(texts, {near: 0.75, shingles: {words: 2}})).toEqual([0, 0, 2]);
    expect(await representatives(texts, {near: 0.9, shingles: {words: 1}})).toEqual([0, 1, 0]);
  });

  it('does not compare every pair if all texts share most of their content', async () => {
    const form = sentence(20);
    // As similar as two copies of a form with different entries, which is below the threshold.
    const texts = Array.from({length: 3000}, (_, index) => `${form} ${sentence(7)} ${index}`);
    const {distinct} = await findDuplicates(texts, {near: 0.9});
    expect(distinct.length).toBe(3000);
  });

  it('reads texts of any length, empty ones too', async () => {
    expect(await representatives([])).toEqual([]);
    expect(await representatives(['', ' ', 'a', 'A', 'b', '😀', 'x'.repeat(100_000), 'x'.repeat(100_001)])).toEqual([
      0, 0, 2, 2, 4, 5, 6, 6,
    ]);
  });

  it.each([
    [{near: 0.4}, /`near` to be a number from 0\.5 to 1, or false, got 0\.4/],
    [{near: Number.NaN}, /got NaN/],
    [{shingles: {words: 0}}, /`shingles` to be \{characters: n\} or \{words: n\}, n from 1 to 50, got \{"words":0\}/],
  ])('refuses %j', async (options, said) => {
    await expect(findDuplicates(['a'], options)).rejects.toThrow(said);
    await expect(findDuplicates(['a'], options)).rejects.toThrow(InputError);
  });

  it('stops when it is told to', async () => {
    const stop = AbortSignal.abort();
    await expect(findDuplicates(['a'], {signal: stop})).rejects.toThrow(/abort/);
  });
});
