import {beforeAll, describe, expect, it, vi} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {featureHint} from '../../src/losses/feature-hint.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {softLabels} from '../../src/losses/soft-labels.ts';
import {topKLabels} from '../../src/losses/top-k.ts';
import {voteLabels} from '../../src/losses/vote-labels.ts';
import {golden} from './engine.ts';

beforeAll(async () => {
  await startEngine();
});

const terms = [
  hardLabels({smoothing: 0.1}),
  softLabels(),
  softLabels({direction: 'reverse'}),
  voteLabels(),
  topKLabels(),
  topKLabels({rest: 'bucket'}),
  topKLabels({rest: 'zero'}),
  featureHint({teacher: 'fc', student: 'hidden'}),
];

describe('a step of every term', () => {
  it.each(terms.map((term, index) => [`${term.name}, ${index}`, term] as const))(
    'can be recorded as a fixed graph that runs anywhere (%s)',
    async (_, term) => {
      const {variables, value} = term.prepare({teacher: {fc: [4]}, student: {hidden: [4]}}, 1);
      const student = tf.variable(tf.tensor2d(golden.ZS));
      const targets = {
        labels: tf.tensor1d(golden.y, 'int32'),
        logProbabilities: tf.tensor2d(golden.ZT),
        named: tf.tensor2d([1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1], [3, 4]),
        features: {fc: tf.tensor2d(golden.ZT)},
      };
      const reads = vi.spyOn(tf.Tensor.prototype, 'dataSync');
      const profile = await tf.profile(() =>
        tf.variableGrads(() => value(targets, {logits: student, features: {hidden: student}}), [student, ...variables]),
      );
      expect(reads).not.toHaveBeenCalled();
      reads.mockRestore();
      expect(profile.kernelNames.length).toBeGreaterThan(0);
      expect(profile.kernelNames.filter(name => /Gather|SegmentSum/.test(name))).toEqual([]);
    },
  );
});
