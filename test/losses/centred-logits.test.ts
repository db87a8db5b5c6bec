import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {centredLogitLoss, centredLogits} from '../../src/losses/centred-logits.ts';
import {softLabelLoss} from '../../src/losses/soft-labels.ts';
import {batch, expectReference, golden, literature, numberOf} from './engine.ts';

beforeAll(async () => {
  await startEngine();
});

describe('the loss of centred logits', () => {
  it('has the value and gradient of a second implementation', () => {
    const {teacher, student} = batch();
    const {'centred logits': reference} = literature;
    expectReference(reference!, x => centredLogitLoss(teacher, x as tf.Tensor2D), student);
  });

  it('is half the published mean square less what a constant a row adds', () => {
    const {teacher, student} = batch();
    const means = tf.mean(tf.sub(teacher, student), 1).dataSync<'float32'>();
    const byConstants = means.reduce((sum, mean) => sum + mean ** 2, 0) / means.length;
    const expected = (golden.values['MSE logits']! - byConstants) / 2;
    expect(numberOf(centredLogitLoss(teacher, student))).toBeCloseTo(expected, 6);
  });

  it('is the limit of soft labels as T grows, in value and gradient', () => {
    const {teacher, student} = batch();
    const soft = (temperature: number) => (x: tf.Tensor) => softLabelLoss(teacher, x as tf.Tensor2D, {temperature});
    const {value, grad} = tf.valueAndGrad(x => centredLogitLoss(teacher, x as tf.Tensor2D))(student);
    const slopes = grad.dataSync();
    const distances = [2, 8, 32].map(T => {
      const at = tf.valueAndGrad(soft(T))(student);
      const apart = at.grad.dataSync().map((slope, index) => Math.abs(slope - slopes[index]!));
      return Math.abs(at.value.dataSync()[0]! - value.dataSync()[0]!) + Math.max(...apart);
    });
    expect(distances[2]).toBeLessThan(0.01);
    expect(distances[1]).toBeLessThan(distances[0]!);
    expect(distances[2]).toBeLessThan(distances[1]!);
  });
});

describe('the term of centred logits', () => {
  it('computes its loss, weighs 1 and takes log-probabilities', () => {
    const {teacher, student, labels} = batch();
    const term = centredLogits();
    expect(term).toMatchObject({name: 'centred-logits', weight: 1, needs: {kind: 'log-probabilities'}});
    const {value} = term.prepare({teacher: {}, student: {}}, 1);
    const found = value({labels, logProbabilities: teacher, features: {}}, {logits: student, features: {}});
    expect(numberOf(found)).toBeCloseTo(literature['centred logits']!.value, 6);
  });
});
