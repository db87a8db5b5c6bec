import fc from 'fast-check';
import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {medoids} from '../../src/select/medoids.ts';
import type {Candidates} from '../../src/select/strategy.ts';
import {choices, drawn, known} from './candidates.ts';

beforeAll(startEngine);

type Point = readonly number[];

function candidatesOf(points: readonly Point[], answered: readonly Point[] = [], seed = 1): Candidates {
  const width = points[0]!.length;
  const embeddings = {
    width,
    candidates: Float32Array.from(points.flat()),
    answered: Float32Array.from(answered.flat()),
  };
  return {count: points.length, classes: 2, seed, logits: [], labels: Int32Array.from(answered, () => 0), embeddings};
}

const rowsOf = (values: Float32Array, width: number): Point[] =>
  Array.from({length: values.length / width}, (_, row) => [...values.subarray(row * width, (row + 1) * width)]);

function cosine(one: Point, other: Point): number {
  const product = one.reduce((sum, value, axis) => sum + value * other[axis]!, 0);
  return product / (Math.hypot(...one) * Math.hypot(...other));
}

/** The sum that the strategy raises. */
const covered = (points: readonly Point[], centres: readonly Point[]): number =>
  points.reduce((sum, point) => sum + Math.max(-1, ...centres.map(centre => cosine(point, centre))), 0);

describe('medoids', () => {
  it('takes the candidates that NumPy takes by computing every gain, with answered inputs', () => {
    expect([...medoids().choose(known, 10)]).toEqual(choices.medoids);
  });

  it('takes the candidates that BUILD of the package kmedoids takes if nothing was answered', () => {
    const {candidates, width} = known.embeddings!;
    const first = {...known, embeddings: {width, candidates, answered: new Float32Array(0)}};
    expect([...medoids().choose(first, 10)]).toEqual(choices.medoidsFirst);
    expect([...medoids().choose({...first, seed: 7}, 10)]).toEqual(choices.medoidsFirst);
  });

  it('covers the candidates to at least 1 − 1/e of what the best pair adds', () => {
    fc.assert(
      fc.property(fc.integer({min: 4, max: 9}), fc.integer(), (count, seed) => {
        const candidates = drawn(count, 2, seed);
        const {width, ...embeddings} = candidates.embeddings!;
        const [points, answered] = [rowsOf(embeddings.candidates, width), rowsOf(embeddings.answered, width)];
        const chosen = medoids().choose(candidates, 2);
        const before = covered(points, answered);
        const greedy = covered(points, [...answered, points[chosen[0]!]!, points[chosen[1]!]!]) - before;
        const pairs = points.flatMap((one, index) => points.slice(index + 1).map(other => [...answered, one, other]));
        const best = Math.max(...pairs.map(pair => covered(points, pair))) - before;
        expect(greedy).toBeGreaterThanOrEqual((1 - 1 / Math.E) * best - 1e-5);
      }),
    );
  });

  it('takes one of each cluster, whatever their sizes and lengths are', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({min: 1, max: 6}), {minLength: 2, maxLength: 8}), fc.integer(), (sizes, seed) => {
        const cluster = sizes.flatMap((size, axis) => Array.from({length: size}, () => axis));
        const points = cluster.map((axis, row) =>
          sizes.map((_, other) => (axis === other ? 1 + row : 0.01 * ((row + other) % 3))),
        );
        const chosen = medoids().choose(candidatesOf(points, [], seed), sizes.length);
        expect(Array.from(chosen, row => cluster[row]!).sort()).toEqual([...sizes.keys()]);
      }),
    );
  });

  it('goes to the cluster of which nothing was answered', () => {
    const points = [...Array.from({length: 9}, (_, row) => [1, 0.01 * row]), [0, 1], [0.02, 1]];
    expect([9, 10]).toContain(medoids().choose(candidatesOf(points, [[3, 0.1]]), 1)[0]);
    expect(medoids().choose(candidatesOf(points), 1)[0]).toBeLessThan(9);
  });

  it('takes equal candidates, and those that were answered, only if no others are left', () => {
    const points = [
      [1, 0],
      [1, 0],
      [0, 0],
      [0, 0],
      [1, 0.001],
      [0, 1],
      [0, 1],
    ];
    for (let seed = 0; seed < 20; seed++) {
      const candidates = candidatesOf(points, [[0, 1]], seed);
      const kinds = (size: number) =>
        new Set(Array.from(medoids().choose(candidates, size), row => String(points[row])));
      expect([...kinds(3)].sort()).toEqual(['0,0', '1,0', '1,0.001']);
      expect(new Set(medoids().choose(candidates, 6)).size).toBe(6);
    }
  });

  it('draws among equal candidates by the seed', () => {
    const firsts = Array.from(
      {length: 20},
      (_, seed) =>
        medoids().choose(
          candidatesOf(
            [
              [1, 0],
              [1, 0],
            ],
            [],
            seed,
          ),
          1,
        )[0],
    );
    expect(new Set(firsts).size).toBe(2);
  });

  it('represents all of many candidates, though it chooses from a part of them', () => {
    const [count, clusters] = [4600, 23];
    const points = Array.from({length: count}, (_, row) =>
      Array.from({length: clusters}, (_, axis) => (axis === row % clusters ? 1 : 0.1 * Math.sin(row + axis))),
    );
    const candidates = candidatesOf(points);
    const clustersOf = (rows: Iterable<number>) => new Set(Array.from(rows, row => row % clusters));
    expect(clustersOf(medoids().choose(candidates, clusters)).size).toBe(clusters);
    expect(new Set(medoids().choose(candidates, count - 1)).size).toBe(count - 1);
  });

  it('needs a student only if it has no encoder', () => {
    expect(medoids().needs).toMatchObject({students: 1, embeddings: true, encoder: undefined});
    expect(medoids({encoder: 'folder'}).needs).toEqual({students: 0, embeddings: true, encoder: 'folder'});
    expect(() => medoids({encoder: 3 as never})).toThrow('medoids: `encoder` takes a text or an object, got');
  });
});
