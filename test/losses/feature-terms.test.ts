import fc from 'fast-check';
import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {attentionLoss, attentionTransfer} from '../../src/losses/attention-transfer.ts';
import {featureHint} from '../../src/losses/feature-hint.ts';
import type {FeaturePair} from '../../src/losses/feature-pair.ts';
import type {LossTerm} from '../../src/losses/loss.ts';
import {pkt, pktLoss} from '../../src/losses/pkt.ts';
import {rkd, rkdLoss} from '../../src/losses/rkd.ts';
import {similarityLoss, similarityPreserving} from '../../src/losses/similarity-preserving.ts';
import {expectGradientByDifferences, numberOf} from './engine.ts';

beforeAll(async () => {
  await startEngine();
});

type FeatureLoss = (teacher: tf.Tensor, student: tf.Tensor) => tf.Scalar;

const losses: readonly (readonly [string, FeatureLoss])[] = [
  ['attention', attentionLoss],
  ['relations', rkdLoss],
  ['distances', (teacher, student) => rkdLoss(teacher, student, {angle: 0})],
  ['angles', (teacher, student) => rkdLoss(teacher, student, {distance: 0})],
  ['similarities', similarityLoss],
  ['neighbours', pktLoss],
];

const terms: readonly (readonly [string, (pair: FeaturePair) => LossTerm])[] = [
  ['featureHint', featureHint],
  ['attentionTransfer', attentionTransfer],
  ['rkd', rkd],
  ['similarityPreserving', similarityPreserving],
  ['pkt', pkt],
];

const waves = (shape: number[], frequency: number) =>
  tf.tensor(
    Array.from({length: shape.reduce((product, length) => product * length, 1)}, (_, index) =>
      Math.cos(frequency * index),
    ),
    shape,
  );

const maps = fc.tuple(fc.integer({min: 1, max: 4}), fc.integer({min: 1, max: 3})).chain(([batch, channels]) =>
  fc.record({
    shape: fc.constant<[number, number, number, number]>([batch, 2, 2, channels]),
    values: fc.array(fc.double({min: -3, max: 3, noNaN: true}), {
      minLength: batch * 4 * channels,
      maxLength: batch * 4 * channels,
    }),
  }),
);

describe.each(losses)('the loss of features, %s,', (_, loss) => {
  it('has the gradient that differences show', () => {
    const teacher = waves([4, 2, 2, 3], 2.3);
    expectGradientByDifferences(x => loss(teacher, x), waves([4, 2, 2, 2], 1.1), 2e-3);
  });

  it('is zero, with no gradient, for a student that is the teacher', () => {
    fc.assert(
      fc.property(maps, ({shape, values}) => {
        const features = tf.tensor(values, shape);
        const {value, grad} = tf.valueAndGrad(x => loss(features, x))(features);
        expect(Math.abs(value.dataSync()[0]!)).toBeLessThan(1e-6);
        for (const slope of grad.dataSync()) expect(Math.abs(slope)).toBeLessThan(1e-3);
        tf.dispose([features, value, grad]);
      }),
      {numRuns: 30},
    );
  });

  it('is never negative beyond rounding', () => {
    fc.assert(
      fc.property(maps, maps, (teacher, student) => {
        const count = Math.min(teacher.shape[0]!, student.shape[0]!);
        const first = ({shape, values}: typeof teacher) =>
          tf.slice(tf.tensor(values, shape), [0, 0, 0, 0], [count, -1, -1, -1]);
        expect(tf.tidy(() => loss(first(teacher), first(student)).dataSync()[0]!)).toBeGreaterThan(-1e-5);
      }),
      {numRuns: 30},
    );
  });

  it('is finite, with its gradient, for a layer that is silent', () => {
    const [silent, active] = [tf.zeros([3, 2, 2, 2]), waves([3, 2, 2, 2], 1.7)];
    for (const [teacher, student] of [
      [active, silent],
      [silent, active],
      [silent, silent],
    ] as const) {
      const {value, grad} = tf.valueAndGrad(x => loss(teacher, x))(student);
      expect(Number.isFinite(value.dataSync()[0])).toBe(true);
      // Nothing that one step could not take back.
      for (const slope of grad.dataSync()) expect(Math.abs(slope)).toBeLessThan(100);
    }
  });

  it('does without channels, and a batch, of the same number as elsewhere', () => {
    expect(Number.isFinite(numberOf(loss(waves([1, 2, 2, 5], 1), waves([1, 2, 2, 1], 2))))).toBe(true);
  });
});

describe.each(terms)('the term of features, %s,', (_, factory) => {
  const shapes = {teacher: {fc: [2, 2, 3]}, student: {hidden: [2, 2, 2]}};

  it('leaves nothing behind but its variables', () => {
    const outside = {
      targets: {labels: tf.tensor1d([0, 1], 'int32'), features: {fc: waves([2, 2, 2, 3], 1)}},
      outputs: {logits: tf.zeros([2, 2]) as tf.Tensor2D, features: {hidden: waves([2, 2, 2, 2], 2)}},
    };
    const before = tf.memory().numTensors;
    const {variables, value} = factory({teacher: 'fc', student: 'hidden'}).prepare(shapes, 1);
    numberOf(value(outside.targets, outside.outputs));
    expect(tf.memory().numTensors).toBe(before + variables.length);
    tf.dispose([...variables]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('needs the feature it names, of both sides, and says which there are', () => {
    const term = factory({teacher: 'fc', student: 'hidden'});
    expect(term.needs).toEqual({kind: 'logits', features: ['fc']});
    expect(term.studentFeatures).toEqual(['hidden']);
    expect(() => term.prepare({teacher: {conv: [2]}, student: {hidden: [2]}}, 1)).toThrow(
      /^The teacher shows no layer `fc` to [a-z-]+; it shows conv\. Name one of these\.$/,
    );
  });
});

describe.each(terms.slice(0, 2))('%s', (_, make) => {
  it('leaves out inputs of weight 0', () => {
    const term = make({teacher: 'theirs', student: 'own'});
    const {value} = term.prepare({teacher: {theirs: [2, 2, 3]}, student: {own: [2, 2, 3]}}, 1);
    const lossFor = (rows: number, weights?: number[]) =>
      tf.tidy(() => {
        const [theirs, own] = [waves([rows, 2, 2, 3], 2.3), waves([rows, 2, 2, 3], 1.1)];
        const labels = tf.zeros([rows], 'int32') as tf.Tensor1D;
        const targets = {labels, features: {theirs}, weights: weights && tf.tensor1d(weights)};
        return value(targets, {logits: tf.zeros([rows, 2]), features: {own}}).dataSync()[0]!;
      });
    expect(lossFor(3, [1, 1, 0])).toBeCloseTo(lossFor(2), 6);
    expect(lossFor(3)).not.toBeCloseTo(lossFor(2), 6);
  });
});
