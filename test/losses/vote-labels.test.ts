import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {softLabelLoss} from '../../src/losses/soft-labels.ts';
import {voteLabels} from '../../src/losses/vote-labels.ts';
import {golden, numberOf} from './engine.ts';

beforeAll(async () => {
  await startEngine();
});

describe('the term of votes', () => {
  it('computes the loss of soft labels, at T = 1 unless told otherwise', () => {
    const [logProbabilities, logits] = [tf.tensor2d(golden.ZT), tf.tensor2d(golden.ZS)];
    const labels = tf.tensor1d(golden.y, 'int32');
    for (const temperature of [undefined, 2]) {
      const term = voteLabels(temperature === undefined ? {} : {temperature}).prepare({teacher: {}, student: {}}, 1);
      const value = numberOf(term.value({labels, logProbabilities, features: {}}, {logits, features: {}}));
      const expected = softLabelLoss(logProbabilities, logits, {temperature: temperature ?? 1});
      expect(value).toBeCloseTo(numberOf(expected), 6);
    }
  });

  it('takes votes of a teacher that was sampled at another temperature back to its own', () => {
    const {ZT: rows} = golden;
    const student = tf.tensor2d(golden.ZS);
    const sampled = tf.logSoftmax(tf.div(tf.tensor2d(rows), 0.5)) as tf.Tensor2D;
    const {value} = voteLabels({temperature: 4, samplingTemperature: 0.5}).prepare({teacher: {}, student: {}}, 1);
    const targets = {labels: tf.tensor1d(golden.y, 'int32'), logProbabilities: sampled, features: {}};
    expect(numberOf(value(targets, {logits: student, features: {}}))).toBeCloseTo(golden.values['KD T=4']!, 5);
    expect(() => voteLabels({samplingTemperature: 0})).toThrow(
      'Expected `samplingTemperature` to be a number above 0, got 0.',
    );
  });

  it('weighs 1, needs votes, and refuses a temperature that is no temperature', () => {
    expect(voteLabels()).toMatchObject({name: 'vote-labels', weight: 1, temperature: 1, needs: {kind: 'votes'}});
    expect(() => voteLabels({temperature: 0})).toThrow('Expected `temperature`');
  });
});
