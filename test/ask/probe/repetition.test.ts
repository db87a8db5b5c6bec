import {describe, expect, it} from 'vitest';
import {compareAskings} from '../../../src/ask/probe/repetition.ts';
import type {Outcome} from '../../../src/teacher.ts';

const label = (index: number): Outcome => ({answer: {kind: 'label', label: index}});
const scores = (...probabilities: readonly number[]): Outcome => ({
  answer: {kind: 'log-probabilities', logProbabilities: Float32Array.from(probabilities, Math.log)},
});
const failed: Outcome = {error: new Error('no')};

describe('compareAskings', () => {
  it('compares what was answered twice, and nothing else', () => {
    expect(compareAskings([label(0), failed, label(1)], [label(0), label(2), failed])).toEqual({
      ...{compared: 1, identical: 1, flips: 0},
    });
    expect(compareAskings([failed], [label(0)])).toBeUndefined();
    expect(compareAskings([label(0)], [])).toBeUndefined();
  });

  it('counts answers that are the same', () => {
    const found = compareAskings([scores(0.7, 0.3), scores(0.6, 0.4)], [scores(0.7, 0.3), scores(0.6, 0.4)]);
    const impossible = compareAskings([scores(1, 0)], [scores(1, 0)]);
    expect(impossible).toMatchObject({identical: 1, change: 0, logChange: 0});
    expect(found).toEqual({compared: 2, identical: 2, flips: 0, change: 0, logChange: 0, meanKl: 0, verdict: 'same'});
  });

  it('takes answers for the same that differ by rounding at most', () => {
    const logits = (...values: readonly number[]): Outcome => ({
      answer: {kind: 'logits', logits: Float32Array.from(values), features: {}},
    });
    const rounded = compareAskings([logits(100, -2), logits(1, 2)], [logits(100.0005, -2), logits(1.000005, 2)]);
    expect(rounded).toMatchObject({compared: 2, identical: 2, flips: 0, verdict: 'same'});
    expect(rounded?.logChange).toBeGreaterThan(0);
    expect(compareAskings([logits(1, 2)], [logits(1.0001, 2)])).toMatchObject({identical: 0, verdict: 'noise'});
  });

  it('takes the numbers of a vector for no scores', () => {
    const vector = (...values: readonly number[]): Outcome => ({
      answer: {kind: 'vector', values: Float32Array.from(values)},
    });
    const [before, after] = [
      [vector(1, 0), vector(1, 0), vector(1, 0)],
      [vector(1, 0), vector(1, 1e-3), vector(0, 1)],
    ];
    expect(compareAskings(before, after)).toEqual({compared: 3, identical: 1, flips: 1});
  });

  it('tells by how much answers differ, in probability and in nats, and which best classes change', () => {
    const found = compareAskings([scores(0.7, 0.3), scores(0.6, 0.4)], [scores(0.7, 0.3), scores(0.4, 0.6)]);
    expect(found).toMatchObject({compared: 2, identical: 1, flips: 1});
    expect(found?.change).toBeCloseTo(0.2, 6);
    expect(found?.logChange).toBeCloseTo(Math.log(1.5), 6);
    expect(found?.meanKl).toBeCloseTo((0.2 * Math.log(1.5)) / 2, 6);
  });

  it('finds a difference in a list of classes that got longer, and in votes', () => {
    const short: Outcome = {
      answer: {kind: 'top-k', classes: Int32Array.of(0), logProbabilities: Float32Array.of(-0.5), rest: 0.39},
    };
    const long: Outcome = {
      answer: {kind: 'top-k', classes: Int32Array.of(0, 1), logProbabilities: Float32Array.of(-0.5, -2), rest: 0.26},
    };
    expect(compareAskings([short], [long])).toMatchObject({identical: 0, flips: 0, change: 0});
    const votes = (...counts: readonly number[]): Outcome => ({
      answer: {kind: 'votes', counts: Uint32Array.from(counts)},
    });
    expect(compareAskings([votes(3, 2)], [votes(4, 1)])).toEqual({compared: 1, identical: 0, flips: 0});
    expect(compareAskings([votes(3, 2)], [votes(3, 2)])).toEqual({compared: 1, identical: 1, flips: 0});
  });

  it('knows of logits no change in probability', () => {
    const logits = (...values: readonly number[]): Outcome => ({
      answer: {kind: 'logits', logits: Float32Array.from(values), features: {}},
    });
    const found = compareAskings([logits(1, 2)], [logits(1, 2.5)]);
    expect(found).toMatchObject({identical: 0, logChange: 0.5});
    expect(found?.change).toBeUndefined();
  });

  it.each([
    [[0.5, 0.5], [0.5, 0.5], 'same'],
    [[0.5, 0.5], [0.5000001, 0.4999999], 'same'],
    [[0.5, 0.5], [0.56, 0.44], 'noise'],
    [[0.5, 0.5], [0.6, 0.4], 'perturbed'],
    [[0.51, 0.49], [0.3, 0.7], 'perturbed'],
  ] as const)('of %o and then %o says that they are %s', (before, after, verdict) => {
    expect(compareAskings([scores(...before)], [scores(...after)])?.verdict).toBe(verdict);
  });

  it('says nothing of the scores of a teacher that shows labels', () => {
    expect(compareAskings([label(0)], [label(1)])?.verdict).toBeUndefined();
  });
});
