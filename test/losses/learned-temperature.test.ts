import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {dkd} from '../../src/losses/dkd.ts';
import {type LearnedTemperatureOptions, learnedTemperature} from '../../src/losses/learned-temperature.ts';
import type {LogitTerm} from '../../src/losses/logit-term.ts';
import {softLabels} from '../../src/losses/soft-labels.ts';
import {standardised} from '../../src/losses/standardised.ts';
import {batch, expectReference, literature, numberOf} from './engine.ts';

beforeAll(async () => {
  await startEngine();
});

const {'learned temperature, theta 1': reference} = literature;

function prepared(term?: LogitTerm, options?: LearnedTemperatureOptions) {
  const {variables, value} = learnedTemperature(term, options).prepare({teacher: {}, student: {}}, 1);
  const {teacher, student, labels} = batch();
  const targets = {labels, logProbabilities: teacher, features: {}};
  const at = (logits: tf.Tensor, progress?: number): tf.Scalar =>
    value(
      targets,
      {logits: logits as tf.Tensor2D, features: {}},
      progress === undefined ? undefined : tf.scalar(progress),
    );
  const [θ] = variables;
  return {θ: θ!, student, at};
}

/** The gradient by θ. */
function slope({θ, student, at}: ReturnType<typeof prepared>, progress?: number): number {
  return tf.tidy(() => tf.variableGrads(() => at(student, progress), [θ as tf.Variable]).grads[θ.name]!.dataSync()[0]!);
}

describe('a learned temperature', () => {
  it('starts at 1 + 20 · σ(1), where value and gradient by the student are those of a second implementation', () => {
    const {student, at} = prepared();
    expectReference(reference!, x => at(x), student);
    expect(learnedTemperature().temperature).toBeCloseTo(15.6212, 4);
    expect(numberOf(at(student))).toBeCloseTo(numberOf(softLabelsAt(15.621172)), 5);
  });

  it('has that gradient by θ turned round: where the student descends, it climbs', () => {
    expect(slope(prepared())).toBeCloseTo(-reference!['gradient by theta']!, 5);
    expect(reference!['gradient by theta']).not.toBeCloseTo(0, 5);
  });

  it('comes to its full strength by half a cosine over its share of the run', () => {
    const full = slope(prepared());
    for (const [progress, λ] of [
      [0, 0],
      [0.1, 0.5 * (1 - Math.SQRT1_2)],
      [0.2, 0.5],
      [0.4, 1],
      [0.8, 1],
    ] as const) {
      expect(slope(prepared(undefined, {rampUp: 0.4}), progress) / full).toBeCloseTo(λ, 4);
    }
    expect(slope(prepared(undefined, {rampUp: 0}), 0)).toBeCloseTo(full, 6);
  });

  it('leaves the gradient by the student as it is, however far the run is', () => {
    const {student, at} = prepared();
    for (const progress of [0, 0.05, 1]) expectReference(reference!, x => at(x, progress), student);
  });

  it('makes the loss of a student that stands still larger, step by step', () => {
    const parts = prepared(softLabels(), {least: 1, span: 4});
    const before = numberOf(parts.at(parts.student));
    for (let step = 0; step < 20; step++) {
      parts.θ.assign(tf.sub(parts.θ, slope(parts) * 20));
    }
    expect(numberOf(parts.at(parts.student))).toBeGreaterThan(before + 1e-4);
  });

  it('is that of any loss of logits, and comes after standardisation', () => {
    const {teacher, student, labels} = batch();
    for (const term of [dkd({warmUp: 0}), standardised(), standardised(dkd())]) {
      const {at} = prepared(term, {least: 2, span: 3});
      const T = 2 + 3 / (1 + Math.exp(-1));
      expect(numberOf(at(student))).toBeCloseTo(numberOf(term.compare({teacher, student, labels}, T)), 4);
    }
  });

  it('passes on how far the run is', () => {
    const {student, at} = prepared(dkd({warmUp: 0.5}));
    expect(numberOf(at(student, 0.25))).toBeCloseTo(numberOf(at(student)) / 2, 4);
  });

  it('keeps weight and needs of its term and tells it in its name', () => {
    const expected = {name: 'learned-temperature soft-labels', weight: 0.9, needs: {kind: 'log-probabilities'}};
    expect(learnedTemperature()).toMatchObject(expected);
    expect(learnedTemperature(standardised()).name).toBe('learned-temperature standardised soft-labels');
    expect(learnedTemperature(dkd({weight: 3})).weight).toBe(3);
  });

  it('refuses options that make no sense', () => {
    expect(() => learnedTemperature(softLabels(), {least: 0})).toThrow(
      'Expected `least` to be a number above 0, got 0.',
    );
    expect(() => learnedTemperature(softLabels(), {span: -1})).toThrow(
      'Expected `span` to be a number above 0, got -1.',
    );
    expect(() => learnedTemperature(softLabels(), {rampUp: 10})).toThrow(
      'Expected `rampUp` to be from 0 to 1, got 10.',
    );
  });
});

function softLabelsAt(temperature: number): tf.Scalar {
  return softLabels().compare(batch(), temperature);
}
