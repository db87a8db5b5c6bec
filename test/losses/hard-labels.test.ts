import fc from 'fast-check';
import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {hardLabelLoss, hardLabels} from '../../src/losses/hard-labels.ts';
import {logits} from './arbitraries.ts';
import {expectGradientByDifferences, golden, numberOf} from './engine.ts';

beforeAll(async () => {
  await startEngine();
});

const labelsOf = (values: readonly number[]) => tf.tensor1d([...values], 'int32');

describe('the loss of hard labels', () => {
  it("is PyTorch's cross-entropy", () => {
    const loss = numberOf(hardLabelLoss(labelsOf(golden.y), tf.tensor2d(golden.ZS)));
    expect(loss).toBeCloseTo(golden.values['CE']!, 5);
  });

  it('mixes the label with the even distribution where it is smoothed', () => {
    const [labels, batch] = [labelsOf(golden.y), tf.tensor2d(golden.ZS)];
    const even = golden.y.map((_, row) => numberOf(tf.neg(tf.mean(tf.logSoftmax(tf.slice(batch, [row, 0], [1, 4]))))));
    const uniform = even.reduce((sum, value) => sum + value) / even.length;
    const smoothed = numberOf(hardLabelLoss(labels, batch, {smoothing: 0.1}));
    expect(smoothed).toBeCloseTo(0.9 * golden.values['CE']! + 0.1 * uniform, 5);
  });

  it('is blind to a constant added to a row', () => {
    fc.assert(
      fc.property(logits(), fc.double({min: -20, max: 20, noNaN: true}), (rows, shift) => {
        const labels = labelsOf(rows.map((_, index) => index % rows[0]!.length));
        const plain = numberOf(hardLabelLoss(labels, tf.tensor2d(rows)));
        const shifted = numberOf(hardLabelLoss(labels, tf.add(tf.tensor2d(rows), shift)));
        expect(Math.abs(plain - shifted)).toBeLessThan(1e-4);
      }),
      {numRuns: 50},
    );
  });

  it('stays finite where the student is sure of another class', () => {
    expect(numberOf(hardLabelLoss(labelsOf([0]), tf.tensor2d([[-500, 500, 0]])))).toBeCloseTo(1000, 2);
  });

  it('has the gradient that differences show', () => {
    for (const smoothing of [0, 0.2]) {
      const loss = (x: tf.Tensor) => hardLabelLoss(labelsOf(golden.y), x as tf.Tensor2D, {smoothing});
      expectGradientByDifferences(loss, tf.tensor2d(golden.ZS));
    }
  });
});

describe('the term of hard labels', () => {
  it('computes its loss from the labels of the targets', () => {
    const term = hardLabels({smoothing: 0.1}).prepare({teacher: {}, student: {}}, 1);
    const [labels, batch] = [labelsOf(golden.y), tf.tensor2d(golden.ZS)];
    const value = numberOf(term.value({labels, features: {}}, {logits: batch, features: {}}));
    expect(value).toBe(numberOf(hardLabelLoss(labels, batch, {smoothing: 0.1})));
    expect(term.variables).toEqual([]);
  });

  it('computes it from true labels on request, whatever the teacher says', () => {
    const term = hardLabels({labels: 'true', weight: 0.1});
    expect(term).toMatchObject({name: 'true-labels', weight: 0.1, needs: {kind: 'label'}, needsTrueLabels: true});
    const [trueLabels, labels, batch] = [labelsOf(golden.y), labelsOf([1, 1, 1]), tf.tensor2d(golden.ZS)];
    const {value} = term.prepare({teacher: {}, student: {}}, 1);
    const loss = numberOf(value({labels, trueLabels, features: {}}, {logits: batch, features: {}}));
    expect(loss).toBeCloseTo(golden.values['CE']!, 5);
  });

  it('weighs 1 and needs labels', () => {
    expect(hardLabels()).toMatchObject({name: 'hard-labels', weight: 1, needs: {kind: 'label'}});
  });

  it('refuses a smoothing that leaves the label nothing', () => {
    for (const smoothing of [1, -0.1, Number.NaN]) {
      expect(() => hardLabels({smoothing})).toThrow(
        `Expected \`smoothing\` to be from 0 to below 1, got ${smoothing}.`,
      );
    }
  });
});
