import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {kCenter} from '../../src/select/k-center.ts';
import {choices, drawn, known} from './candidates.ts';

type Point = ArrayLike<number>;

const distance = (one: Point, other: Point): number =>
  Math.hypot(...Array.from(one, (value, axis) => value - other[axis]!));

/** The greatest distance of a point from its nearest centre. */
const radius = (points: readonly Point[], centres: readonly Point[]): number =>
  Math.max(...points.map(point => Math.min(...centres.map(centre => distance(point, centre)))));

describe('kCenter', () => {
  it('takes the candidates that the greedy algorithm of SciPy distances takes', () => {
    expect([...kCenter().choose(known, 12)]).toEqual(choices.kCenter);
  });

  it('covers the candidates with at most twice the best radius', () => {
    fc.assert(
      fc.property(fc.integer({min: 4, max: 9}), fc.integer(), (count, seed) => {
        const {embeddings, ...candidates} = drawn(count, 2, seed);
        const {width} = embeddings!;
        const rows = (values: Float32Array) =>
          Array.from({length: values.length / width}, (_, row) => values.subarray(row * width, (row + 1) * width));
        const [points, answered] = [rows(embeddings!.candidates), rows(embeddings!.answered)];
        const chosen = kCenter().choose({...candidates, embeddings: embeddings!}, 2);
        const greedy = radius(points, [...answered, points[chosen[0]!]!, points[chosen[1]!]!]);
        const best = Math.min(
          ...points.flatMap((one, index) =>
            points.slice(index + 1).map(other => radius(points, [...answered, one, other])),
          ),
        );
        expect(greedy).toBeLessThanOrEqual(2 * best + 1e-9);
      }),
    );
  });

  it('takes the first of those that have the same embedding, and each once', () => {
    const embeddings = {width: 1, candidates: Float32Array.of(3, 3, 0, 3), answered: Float32Array.of(0)};
    const candidates = {count: 4, classes: 2, seed: 1, labels: Int32Array.of(0), logits: [], embeddings};
    expect([...kCenter().choose(candidates, 4)]).toEqual([0, 1, 2, 3]);
  });
});
