import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {KnowledgeError} from '../../src/errors.ts';
import {dist} from '../../src/losses/dist.ts';
import {dkd} from '../../src/losses/dkd.ts';
import {featureHint} from '../../src/losses/feature-hint.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {learnedTemperature} from '../../src/losses/learned-temperature.ts';
import {checkAllRead, checkObjective, needsOf, rampUp} from '../../src/losses/loss.ts';
import {rkd} from '../../src/losses/rkd.ts';
import {softLabels} from '../../src/losses/soft-labels.ts';
import {standardised} from '../../src/losses/standardised.ts';
import {topKLabels} from '../../src/losses/top-k.ts';
import {voteLabels} from '../../src/losses/vote-labels.ts';

beforeAll(async () => {
  await startEngine();
});

const at = (progress: number, share: number): number => {
  const factor = rampUp(tf.scalar(progress), share);
  return typeof factor === 'number' ? factor : factor.dataSync()[0]!;
};

describe('a ramp', () => {
  it('rises in a straight line over its share of the run, and stays at 1', () => {
    expect([0, 0.1, 0.2, 0.4, 0.5, 1].map(progress => at(progress, 0.4))).toEqual(
      [0, 0.25, 0.5, 1, 1, 1].map(factor => expect.closeTo(factor, 6)),
    );
  });

  it('of no share, or of a run whose progress is not known, is 1 throughout', () => {
    expect(at(0, 0)).toBe(1);
    expect(rampUp(undefined, 0.5)).toBe(1);
  });
});

const hint = (teacher: string) => featureHint({teacher, student: 'hidden'});

describe('what an objective needs', () => {
  it('is what its most demanding term needs', () => {
    expect(needsOf([hardLabels()])).toEqual({kind: 'label'});
    expect(needsOf([topKLabels(), hardLabels()])).toEqual({kind: 'top-k', k: 1});
    expect(needsOf([hardLabels(), softLabels(), topKLabels()])).toEqual({kind: 'log-probabilities'});
    expect(needsOf([hardLabels(), voteLabels()])).toEqual({kind: 'votes'});
    expect(needsOf([softLabels(), hint('fc')])).toEqual({kind: 'logits', features: ['fc']});
  });

  it('is all features of all hints, each once', () => {
    expect(needsOf([hint('fc'), hint('conv'), hint('fc')])).toEqual({kind: 'logits', features: ['fc', 'conv']});
  });

  it('is impossible where one term needs votes and another a distribution', () => {
    expect(() => needsOf([voteLabels(), softLabels()])).toThrow(KnowledgeError);
    expect(() => needsOf([voteLabels(), softLabels()])).toThrow('No answer holds both votes and log-probabilities.');
  });
});

describe('an objective', () => {
  it('is accepted where the answers hold what every term needs', () => {
    expect(() => checkObjective([hardLabels()], {kind: 'label'})).not.toThrow();
    expect(() => checkObjective([topKLabels()], {kind: 'log-probabilities'})).not.toThrow();
    expect(() =>
      checkObjective([softLabels({weight: 0.9}), hardLabels({weight: 1e-6})], {kind: 'logits'}),
    ).not.toThrow();
    expect(() => checkObjective([hint('fc')], {kind: 'logits', features: ['fc', 'conv']})).not.toThrow();
  });

  it('is refused with the method, the term, what it needs, what there is, and what would fit', () => {
    expect(() => checkObjective([hardLabels(), softLabels()], {kind: 'top-k', k: 5}, 'Method kd')).toThrow(
      'Method kd: soft-labels needs log-probabilities, but the answers hold top-k (k = 5). ' +
        'Use `topKLabels()`, which takes the k best classes, or ask a teacher that gives log-probabilities.',
    );
  });

  it.each([
    [softLabels(), {kind: 'label'}, 'Use `hardLabels()`'],
    [topKLabels(), {kind: 'votes'}, 'Use `voteLabels()`'],
    [voteLabels(), {kind: 'log-probabilities'}, 'Use `softLabels()`'],
    [dkd(), {kind: 'top-k', k: 5}, 'Use `topKLabels()`'],
    [learnedTemperature(standardised(dist())), {kind: 'label'}, 'Use `hardLabels()`'],
    [rkd({teacher: 'fc', student: 'hidden'}), {kind: 'log-probabilities'}, 'Use `softLabels()`'],
    [hint('fc'), {kind: 'log-probabilities'}, 'Use `softLabels()`'],
    [hint('fc'), {kind: 'logits'}, 'Use `softLabels()`'],
    [hint('fc'), {kind: 'logits', features: ['conv', 'fc2']}, 'Name a feature that they hold (conv, fc2), or ask'],
  ] as const)('of %o is refused for answers of %o with the nearest that fits', (term, detail, advice) => {
    expect(() => checkObjective([term], detail)).toThrow(advice);
  });

  it('is refused without a term', () => {
    expect(() => checkObjective([], {kind: 'label'}, 'Method none')).toThrow('Method none has no losses.');
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('is refused with a weight of %d', weight => {
    expect(() => checkObjective([hardLabels({weight})], {kind: 'label'})).toThrow(
      `expected \`weight\` of hard-labels to be a number above 0, got ${weight}.`,
    );
  });

  it('is refused with a term of weight 0, from which nothing would be learned', () => {
    const terms = [softLabels({weight: 0.9}), hardLabels({weight: 0})];
    expect(() => checkObjective(terms, {kind: 'logits'}, 'Method kd')).toThrow(
      'Method kd: expected `weight` of hard-labels to be a number above 0, got 0: nothing is learned from it. Leave the term out',
    );
  });
});

describe('answers that losses leave unread', () => {
  it.each([
    [
      {kind: 'log-probabilities'},
      'the answers hold log-probabilities, and hard-labels reads labels alone. Learn from them with `softLabels()`',
    ],
    [
      {kind: 'top-k', k: 3},
      'the answers hold top-k (k = 3), and hard-labels reads labels alone. Learn from them with `topKLabels()`',
    ],
    [{kind: 'logits', features: ['fc']}, 'the answers hold features of fc, and no loss reads them'],
  ] as const)('are refused, with what reads them: %o', (detail, problem) => {
    expect(() => checkAllRead([hardLabels()], detail, 'Method own')).toThrow(`Method own: ${problem}`);
  });

  it.each([
    [[hardLabels()], {kind: 'label'}],
    [[hardLabels()], {kind: 'votes'}],
    [[hardLabels(), topKLabels()], {kind: 'log-probabilities'}],
    [[topKLabels()], {kind: 'top-k', k: 5}],
    [[hint('fc')], {kind: 'logits', features: ['fc']}],
    [[hardLabels(), softLabels(), hint('fc'), hint('conv')], {kind: 'logits', features: ['fc', 'conv']}],
  ] as const)('are none where a loss takes them: %#', (terms, detail) => {
    expect(() => checkAllRead(terms, detail)).not.toThrow();
  });

  it('may be one feature of several', () => {
    expect(() => checkAllRead([hint('fc')], {kind: 'logits', features: ['fc', 'conv']})).toThrow('features of conv');
  });
});
