import {type Arbitrary, array, assert, asyncProperty, integer, property} from 'fast-check';
import {describe, expect, it} from 'vitest';
import {rungsOf, successiveHalving} from '../../../src/study/tune/tune.ts';

describe('the rungs', () => {
  it.each([
    [
      81,
      81,
      1,
      [
        [81, 1],
        [27, 3],
        [9, 9],
        [3, 27],
        [1, 81],
      ],
    ],
    [
      3,
      50,
      1,
      [
        [3, 17],
        [1, 50],
      ],
    ],
    [1, 50, 1, [[1, 50]]],
    [
      15,
      50,
      3,
      [
        [15, 6],
        [5, 17],
        [2, 50],
      ],
    ],
    [3, 50, 3, [[3, 50]]],
  ] as const)(
    'of %d candidates up to %d epochs with %d finalists are those of the paper, with η = 3',
    (candidates, epochs, finalists, expected) => {
      const rungs = rungsOf(candidates, {epochs, finalists, reduction: 3});
      expect(rungs.map(({count, epochs}) => [count, epochs])).toEqual(expected);
    },
  );

  it('are fewer where epochs do not tell them apart', () => {
    const options = {finalists: 3, reduction: 3};
    expect(rungsOf(15, {...options, epochs: 3})).toEqual([
      {count: 15, epochs: 1},
      {count: 5, epochs: 3},
    ]);
    expect(rungsOf(15, {...options, epochs: 1})).toEqual([{count: 15, epochs: 1}]);
  });

  it('begin with all candidates, end with all epochs, and each has fewer of the one and more of the other', () => {
    const sizes = [1, 1, 2, 1].map(min => integer({min, max: min === 2 ? 5 : 200}));
    assert(
      property(
        ...(sizes as [Arbitrary<number>, Arbitrary<number>, Arbitrary<number>, Arbitrary<number>]),
        (candidates, epochs, reduction, finalists) => {
          const rungs = rungsOf(candidates, {epochs, reduction, finalists});
          expect(rungs[0]!.count).toBe(candidates);
          expect(rungs.at(-1)!.epochs).toBe(epochs);
          for (const [place, rung] of rungs.slice(1).entries()) {
            expect(rung.count).toBeLessThan(rungs[place]!.count);
            expect(rung.epochs).toBeGreaterThan(rungs[place]!.epochs);
          }
        },
      ),
    );
  });
});

describe('successive halving', () => {
  const candidates = [10, 11, 12, 13, 14, 15, 16, 17, 18];
  const rungs = rungsOf(9, {epochs: 9, reduction: 3, finalists: 3});

  it('trains the candidates of each rung, and those alone that did best on the one before', async () => {
    const asked: (readonly [readonly number[], number])[] = [];
    const best = await successiveHalving(candidates, rungs, async (places, epochs) => {
      asked.push([places, epochs]);
      // Odd ones learn fast, and the last is overtaken at the end.
      return places.map(place => (epochs === 9 && place === 17 ? 0 : place % 2) * 10 + place);
    });
    expect(asked).toEqual([
      [candidates, 3],
      [[13, 15, 17], 9],
    ]);
    expect(best).toBe(15);
  });

  it('finds the best one wherever it stands, where a score does not hang on the epochs', async () => {
    const scores = array(integer({min: 0, max: 5}), {minLength: 1, maxLength: 40});
    await assert(
      asyncProperty(scores, integer({min: 1, max: 3}), async (all, finalists) => {
        const options = {epochs: 27, reduction: 3, finalists};
        const places = await successiveHalving([...all.keys()], rungsOf(all.length, options), async places =>
          places.map(one => all[one]!),
        );
        // The first of those that score alike.
        expect(places).toBe(all.indexOf(Math.max(...all)));
      }),
    );
  });

  it('passes over what came to nothing', async () => {
    const scoreOf = (place: number) => (place === 14 ? 0.1 : Number.NEGATIVE_INFINITY);
    expect(await successiveHalving(candidates, rungs, async places => places.map(scoreOf))).toBe(14);
    const nothing = () => Number.NEGATIVE_INFINITY;
    expect(await successiveHalving(candidates, rungs, async places => places.map(nothing))).toBe(10);
  });
});
