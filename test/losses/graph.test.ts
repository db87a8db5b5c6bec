import {beforeAll, describe, expect, it, vi} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {attentionTransfer} from '../../src/losses/attention-transfer.ts';
import {centredLogits} from '../../src/losses/centred-logits.ts';
import {dist} from '../../src/losses/dist.ts';
import {dkd} from '../../src/losses/dkd.ts';
import {featureHint} from '../../src/losses/feature-hint.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {jensenShannon} from '../../src/losses/jensen-shannon.ts';
import {learnedTemperature} from '../../src/losses/learned-temperature.ts';
import {levelLabels} from '../../src/losses/level-labels.ts';
import {nkd} from '../../src/losses/nkd.ts';
import {pkt} from '../../src/losses/pkt.ts';
import {quantised} from '../../src/losses/quantised.ts';
import {rkd} from '../../src/losses/rkd.ts';
import {scoreLabels} from '../../src/losses/score-labels.ts';
import {similarityPreserving} from '../../src/losses/similarity-preserving.ts';
import {softLabels} from '../../src/losses/soft-labels.ts';
import {standardised} from '../../src/losses/standardised.ts';
import {topKLabels} from '../../src/losses/top-k.ts';
import {ttm} from '../../src/losses/ttm.ts';
import {voteLabels} from '../../src/losses/vote-labels.ts';
import {golden} from './engine.ts';
import {typedQuestions} from './typed.ts';

beforeAll(async () => {
  await startEngine();
});

const pair = {teacher: 'fc', student: 'hidden'};
const maps = {teacher: 'map', student: 'small map'};

const terms = [
  hardLabels({smoothing: 0.1}),
  softLabels(),
  softLabels({direction: 'reverse'}),
  voteLabels(),
  voteLabels({samplingTemperature: 0.7}),
  topKLabels(),
  topKLabels({rest: 'bucket'}),
  topKLabels({rest: 'zero'}),
  dkd(),
  dist(),
  jensenShannon(),
  ttm(),
  nkd(),
  centredLogits(),
  standardised(),
  standardised(dkd()),
  scoreLabels(),
  levelLabels(),
  quantised(softLabels(), {decimals: 2}),
  learnedTemperature(),
  learnedTemperature(standardised(dkd())),
  featureHint(pair),
  featureHint({...pair, projection: 'none'}),
  featureHint(maps),
  attentionTransfer(maps),
  rkd(pair),
  rkd(maps),
  similarityPreserving(pair),
  pkt(pair),
  typedQuestions(),
];

describe('a step of every term', () => {
  it.each(terms.map((term, index) => [`${term.name}, ${index}`, term] as const))(
    'can be recorded as a fixed graph that runs anywhere (%s)',
    async (_, term) => {
      const shapes = {teacher: {fc: [4], map: [4, 4, 3]}, student: {hidden: [4], 'small map': [2, 2, 1]}};
      const {variables, value} = term.prepare(shapes, 1);
      const student = tf.variable(tf.tensor2d(golden.ZS));
      const targets = {
        labels: tf.tensor1d(golden.y, 'int32'),
        logProbabilities: tf.tensor2d(golden.ZT),
        named: tf.tensor2d([1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1], [3, 4]),
        features: {fc: tf.tensor2d(golden.ZT), map: tf.ones([3, 4, 4, 3])},
      };
      const progress = tf.scalar(0.05);
      const reads = vi.spyOn(tf.Tensor.prototype, 'dataSync');
      const profile = await tf.profile(() =>
        tf.variableGrads(() => {
          const features = {hidden: student, 'small map': tf.reshape(student, [3, 2, 2, 1])};
          return value(targets, {logits: student, features}, progress);
        }, [student, ...variables]),
      );
      expect(reads).not.toHaveBeenCalled();
      reads.mockRestore();
      expect(profile.kernelNames.length).toBeGreaterThan(0);
      expect(profile.kernelNames.filter(name => /Gather|SegmentSum/.test(name))).toEqual([]);
    },
  );
});
