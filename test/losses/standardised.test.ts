import fc from 'fast-check';
import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {dkd} from '../../src/losses/dkd.ts';
import type {LogitTerm} from '../../src/losses/logit-term.ts';
import {softLabels} from '../../src/losses/soft-labels.ts';
import {standardise, standardised} from '../../src/losses/standardised.ts';
import {logits, pairOfLogits} from './arbitraries.ts';
import {batch, expectReference, golden, literature, numberOf} from './engine.ts';

beforeAll(async () => {
  await startEngine();
});

const compared = (term: LogitTerm, teacher: number[][], student: number[][]): number => {
  const labels = tf.tensor1d(
    teacher.map(() => 0),
    'int32',
  );
  return numberOf(
    term.compare({teacher: tf.tensor2d(teacher), student: tf.tensor2d(student), labels}, term.temperature),
  );
};
const spread = (row: number[]): number => Math.max(...row) - Math.min(...row);

describe('standardised logits', () => {
  it('have mean 0 and, over K − 1, variance 1', () => {
    fc.assert(
      fc.property(
        logits().filter(rows => rows.every(row => spread(row) > 0.1)),
        rows => {
          for (const row of standardise(tf.tensor2d(rows)).arraySync()) {
            expect(row.reduce((sum, value) => sum + value, 0)).toBeCloseTo(0, 4);
            expect(row.reduce((sum, value) => sum + value ** 2, 0) / (row.length - 1)).toBeCloseTo(1, 4);
          }
        },
      ),
      {numRuns: 50},
    );
  });

  it('of equal logits are 0, with a gradient that is finite', () => {
    const even = tf.tensor2d([[3, 3, 3]]);
    expect([...standardise(even).dataSync()]).toEqual([0, 0, 0]);
    const gradient = tf.grad(x => tf.sum(tf.square(tf.sub(standardise(x as tf.Tensor2D), [1, 0, 0]))));
    expect(gradient(even).dataSync().every(Number.isFinite)).toBe(true);
  });
});

describe('a standardised term', () => {
  it("is the authors' value with K − 1, which K would miss", () => {
    const {teacher, student, labels} = batch();
    const term = standardised();
    const value = numberOf(term.compare({teacher, student, labels}, 2));
    expect(value).toBeCloseTo(golden.values['LS-KD T=2']!, 5);
    expect(term.weight * value).toBeCloseTo(golden.values['LS-KD T=2 w=9']!, 4);
    // Over K each side would be √(4/3) times as wide, which is another temperature.
    const withK = numberOf(term.compare({teacher, student, labels}, 2 / Math.sqrt(4 / 3)));
    expect(Math.abs(withK * (4 / 3) - value)).toBeGreaterThan(0.01);
  });

  it.each([
    ['standardised soft labels, T 2', () => standardised()],
    ['standardised DKD, T 2', () => standardised(dkd({temperature: 2}))],
  ])('has the value and gradient of a second implementation: %s', (name, term) => {
    const {teacher, student, labels} = batch();
    expectReference(literature[name]!, x => term().compare({teacher, student: x as tf.Tensor2D, labels}, 2), student);
  });

  it('is blind to the scale of either side', () => {
    const pairs = pairOfLogits().filter(pair => pair.flat().every(row => spread(row) > 0.1));
    const scale = fc.double({min: 0.2, max: 5, noNaN: true});
    fc.assert(
      fc.property(pairs, scale, scale, ([teacher, student], a, b) => {
        const scaled = (rows: number[][], by: number) => rows.map(row => row.map(value => by * value));
        const plain = compared(standardised(), teacher, student);
        expect(Math.abs(compared(standardised(), scaled(teacher, a), scaled(student, b)) - plain)).toBeLessThan(1e-4);
      }),
      {numRuns: 50},
    );
  });

  it('keeps the weight, temperature and needs of the term in it, and tells it in its name', () => {
    expect(standardised()).toMatchObject({name: 'standardised soft-labels', weight: 9, temperature: 2});
    expect(standardised(softLabels({weight: 3, temperature: 5}))).toMatchObject({weight: 3, temperature: 5});
    expect(standardised(dkd())).toMatchObject({name: 'standardised dkd', needs: {kind: 'log-probabilities'}});
  });
});
