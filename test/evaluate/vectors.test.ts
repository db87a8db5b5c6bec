import {readFileSync} from 'node:fs';
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {randomNormal, seededRandom} from '../../src/data/random.ts';
import {InputError} from '../../src/errors.ts';
import {evaluateVectors} from '../../src/evaluate/vectors.ts';

/** Values of scikit-learn and SciPy, see `make-vectors.py` beside it. */
const reference = JSON.parse(readFileSync('test/fixtures/metrics/vectors.json', 'utf8'));
const {count} = reference;
const [teacher, student, narrow] = [reference.teacher, reference.student, reference.narrow].map((values: number[]) =>
  Float32Array.from(values),
) as [Float32Array, Float32Array, Float32Array];

describe('evaluateVectors', () => {
  it('gives the values of scikit-learn and SciPy', () => {
    const measured = evaluateVectors({count, student, teacher});
    const {ofStudent} = reference;
    expect(measured.neighbours).toBe(10);
    for (const name of ['meanCosine', 'recall', 'spearman'] as const) {
      expect(measured[name]).toBeCloseTo(ofStudent[name], 5);
    }
    for (const name of ['meanCosineInterval', 'recallInterval'] as const) {
      const [low, high] = ofStudent[name] as [number, number];
      for (const [end, exact] of [low, high].entries()) {
        // The saddlepoint is an approximation.
        expect(Math.abs(measured[name]![end]! - exact)).toBeLessThan(0.005 * (high - low));
      }
    }
  });

  it('compares vectors of another length by their neighbours alone', () => {
    const {meanCosine, recall, spearman} = evaluateVectors({count, student: narrow, teacher, neighbours: 3});
    expect(meanCosine).toBeUndefined();
    expect(recall).toBeCloseTo(reference.ofNarrow.recall, 6);
    expect(spearman).toBeCloseTo(reference.ofNarrow.spearman, 5);
  });

  it('has intervals that hold the expected recall at least as often as they say, as 400 draws tell', () => {
    const [draws, inputs, width] = [400, 40, 3];
    const random = seededRandom(5, 'vectors');
    const drawn = Array.from({length: draws}, () => {
      const own = Float32Array.from({length: inputs * width}, () => randomNormal(random));
      const others = own.map(value => value + 0.5 * randomNormal(random));
      return evaluateVectors({count: inputs, teacher: own, student: others, neighbours: 5});
    });
    const expected = drawn.reduce((sum, {recall}) => sum + recall, 0) / draws;
    const held = drawn.filter(({recallInterval: [low, high] = [0, 0]}) => low <= expected && expected <= high).length;
    expect(held / draws).toBeGreaterThan(0.97);
  });

  it('tells no interval of the recall with fewer than twice as many inputs as neighbours', () => {
    const first = (rows: number) => ({
      count: rows,
      teacher: teacher.slice(0, 6 * rows),
      student: student.slice(0, 6 * rows),
    });
    expect(evaluateVectors(first(4))).toMatchObject({recall: 1, recallInterval: undefined});
    // Without any one of 12 inputs, the ten others are the neighbours of each, whatever the vectors are.
    expect(evaluateVectors(first(12)).recallInterval).toBeUndefined();
    expect(evaluateVectors(first(19)).recallInterval).toBeUndefined();
    expect(evaluateVectors(first(20)).recallInterval).toBeDefined();
  });

  it('is 1 for the same vectors, whatever their lengths are', () => {
    fc.assert(
      fc.property(fc.integer({min: 3, max: 20}), fc.double({min: 0.5, max: 4, noNaN: true}), (rows, scale) => {
        const own = teacher.slice(0, rows * 6);
        const measured = evaluateVectors({count: rows, teacher: own, student: own.map(value => value * scale)});
        expect(measured.meanCosine).toBeCloseTo(1, 6);
        expect(measured.recall).toBe(1);
        expect(measured.spearman).toBeCloseTo(1, 3);
      }),
      {numRuns: 20},
    );
  });

  it.each<[Partial<Parameters<typeof evaluateVectors>[0]>, string]>([
    [{count: 1}, 'two inputs at least'],
    [{neighbours: 30}, 'from 1 to 29'],
    [{student: new Float32Array(31)}, 'no 30 vectors'],
    [{student: new Float32Array(60).fill(Number.NaN, 5, 6)}, 'Vector 2 of `student` holds NaN'],
  ])('refuses %o', (options, problem) => {
    expect(() => evaluateVectors({count, student, teacher, ...options})).toThrow(InputError);
    expect(() => evaluateVectors({count, student, teacher, ...options})).toThrow(problem);
  });
});
