import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {compareAnswers} from '../../src/ask/compare-answers.ts';
import {coarsen} from '../../src/knowledge/coarsen.ts';
import type {Answer} from '../../src/teacher.ts';

const label = (index: number): Answer => ({kind: 'label', label: index});
const scores = (...logits: number[]): Answer => ({kind: 'logits', logits: Float32Array.from(logits), features: {}});
const probabilities = (...p: number[]): Answer => ({
  kind: 'log-probabilities',
  logProbabilities: Float32Array.from(p, Math.log),
});
const top = (...named: readonly (readonly [name: number, probability: number])[]): Answer => ({
  kind: 'top-k',
  classes: Int32Array.from(named, ([name]) => name),
  logProbabilities: Float32Array.from(named, ([, probability]) => Math.log(probability)),
  rest: 0,
});

describe('compareAnswers', () => {
  it('tells of labels whether they differ, and of nothing else', () => {
    expect(compareAnswers(label(1), label(1))).toEqual({flipped: false});
    expect(compareAnswers(label(1), label(2))).toEqual({flipped: true});
    const votes: Answer = {kind: 'votes', counts: Uint32Array.of(1, 2, 0)};
    expect(compareAnswers(votes, label(1))).toEqual({flipped: false});
    expect(compareAnswers(scores(0, 1, 2), label(1))).toEqual({flipped: true});
  });

  it('tells of vectors whether they have turned by more than rounding, whatever their lengths are', () => {
    const vector = (...values: number[]): Answer => ({kind: 'vector', values: Float32Array.from(values)});
    expect(compareAnswers(vector(1, 0), vector(2, 0.02))).toEqual({flipped: false});
    expect(compareAnswers(vector(1, 0), vector(1, 0.1))).toEqual({flipped: true});
    expect(compareAnswers(vector(1, 0), vector(1, 0, 0))).toEqual({flipped: true});
    expect(compareAnswers(vector(1, 0), label(0))).toEqual({flipped: true});
    expect(compareAnswers(vector(0, 0), vector(0, 0))).toEqual({flipped: false});
  });

  it('gives the KL divergence of the later distribution from the earlier one, in nats', () => {
    // 0.9 ln(0.9 / 0.7) + 0.1 ln(0.1 / 0.3)
    const {flipped, kl} = compareAnswers(probabilities(0.9, 0.1), probabilities(0.7, 0.3));
    expect(flipped).toBe(false);
    expect(kl).toBeCloseTo(0.1163218, 6);
    expect(compareAnswers(scores(0, 0), scores(Math.log(3), 0)).kl).toBeCloseTo(0.143841, 6);
  });

  it('takes classes that only one answer names for a part of the rest', () => {
    const {flipped, kl} = compareAnswers(top([4, 0.6], [2, 0.3]), top([4, 0.5], [7, 0.3]));
    expect(flipped).toBe(false);
    // 0.6 ln(0.6 / 0.5) + 0.4 ln(0.4 / 0.5)
    expect(kl).toBeCloseTo(0.0201355, 6);
  });

  it('stays finite if the later answer gives nothing to what the earlier one expected', () => {
    expect(compareAnswers(probabilities(0.5, 0.5), probabilities(1, 0)).kl).toBeCloseTo(0.5 * Math.log(0.25e9), 5);
    expect(compareAnswers(probabilities(1, 0), probabilities(0, 1)).kl).toBeCloseTo(Math.log(1e9), 5);
    expect(compareAnswers(probabilities(1, 0), probabilities(1, 0)).kl).toBe(0);
  });

  it('is 0 for an answer and itself, never below, and never more for coarser answers', () => {
    const logits = fc.array(fc.float({min: -4, max: 4, noNaN: true}), {minLength: 5, maxLength: 5});
    fc.assert(
      fc.property(logits, logits, fc.integer({min: 1, max: 5}), (before, after, k) => {
        const full = compareAnswers(scores(...before), scores(...after)).kl!;
        const [p, q] = [scores(...before), scores(...after)].map(answer => coarsen(answer, {kind: 'top-k', k}));
        expect(compareAnswers(scores(...before), scores(...before)).kl).toBeCloseTo(0, 6);
        expect(full).toBeGreaterThanOrEqual(0);
        expect(compareAnswers(p!, q!).kl).toBeLessThanOrEqual(full + 1e-3);
      }),
    );
  });
});
