import {describe, expect, it} from 'vitest';
import {findInAnswers} from '../../../src/ask/probe/answers.ts';
import type {Answer} from '../../../src/teacher.ts';

const logProbabilities = (...probabilities: readonly number[]): Answer => ({
  kind: 'log-probabilities',
  logProbabilities: Float32Array.from(probabilities, Math.log),
});

const topK = (probabilities: readonly number[], rest: number): Answer => ({
  kind: 'top-k',
  classes: Int32Array.from(probabilities, (_, index) => index),
  logProbabilities: Float32Array.from(probabilities, Math.log),
  rest,
});

const logits = (...values: readonly number[]): Answer => ({
  kind: 'logits',
  logits: Float32Array.from(values),
  features: {},
});

describe('findInAnswers', () => {
  it('finds nothing in no answers', () => {
    expect(findInAnswers([])).toBeUndefined();
  });

  it('tells the least that all answers hold', () => {
    const full = logProbabilities(0.71234567, 0.28765433);
    expect(findInAnswers([full])?.given).toEqual({kind: 'log-probabilities'});
    expect(findInAnswers([full, topK([0.7], 0.3)])?.given).toEqual({kind: 'top-k', k: 1});
    expect(findInAnswers([full, {kind: 'label', label: 1}])?.given).toEqual({kind: 'label'});
  });

  it('counts the classes that are named and adds up their mass and the rest', () => {
    const found = findInAnswers([topK([0.6, 0.3], 0.1), topK([0.5], 0.5)]);
    expect(found?.named).toEqual({least: 1, most: 2});
    expect(found?.mass?.least).toBeCloseTo(0.5, 6);
    expect(found?.mass?.most).toBeCloseTo(0.9, 6);
    expect(found?.rest).toEqual({least: 0.1, most: 0.5});
    expect(found?.total?.least).toBeCloseTo(1, 6);
    expect(found?.total?.most).toBeCloseTo(1, 6);
  });

  it('knows of no mass if no probabilities are shown', () => {
    const votes: Answer = {kind: 'votes', counts: Uint32Array.of(3, 0, 2)};
    expect(findInAnswers([votes])).toEqual({
      ...{answers: 1, given: {kind: 'votes'}, named: {least: 2, most: 2}, decimals: {}, ties: 0},
    });
  });

  it('finds probabilities that were rounded, and classes that were made level by it', () => {
    const found = findInAnswers([logProbabilities(0.62, 0.19, 0.19), logProbabilities(0.93, 0.04, 0.03)]);
    expect(found?.decimals).toEqual({probabilities: 2});
    expect(found?.ties).toBe(1);
  });

  it('finds log-probabilities that were rounded', () => {
    const rounded = [-0.3567, -1.2041, -4.4228].map(value => Math.exp(value));
    expect(findInAnswers([logProbabilities(...rounded)])?.decimals).toEqual({logProbabilities: 4});
  });

  it('takes what stands for nothing neither for rounded nor for level', () => {
    const found = findInAnswers([logProbabilities(0.91234567, 0.08765433, 1e-38, 1e-38)]);
    expect(found).toMatchObject({decimals: {}, ties: 0});
  });

  it('tells logits that are probabilities, or log-probabilities, from those that are none', () => {
    expect(findInAnswers([logits(0.7, 0.3), logits(0.1, 0.9)])?.logitsAre).toBe('probabilities');
    expect(findInAnswers([logits(Math.log(0.7), Math.log(0.3))])?.logitsAre).toBe('log-probabilities');
    expect(findInAnswers([logits(0.7, 0.3), logits(2, -1)])?.logitsAre).toBeUndefined();
    expect(findInAnswers([logits(2, -1, 0.5)])?.logitsAre).toBeUndefined();
  });
});
