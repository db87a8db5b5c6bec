import {beforeAll, describe, expect, it} from 'vitest';
import {type AssistantLesson, fitAssistant} from '../../src/assistant/assistant.ts';
import {headLogits} from '../../src/assistant/linear-head.ts';
import {oneHot} from '../../src/data/arrays.ts';
import {randomNormals, seededRandom} from '../../src/data/random.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {accuracy} from '../../src/evaluate/metrics.ts';

const [width, classes] = [8, 4];

/** Noisy vectors around one centre a class, each of length 1. */
function vectors(count: number, noise: number, seed: number): {encodings: Float32Array; labels: Int32Array} {
  const random = seededRandom(seed, 'vectors');
  const labels = Int32Array.from({length: count}, (_, row) => row % classes);
  const encodings = new Float32Array(count * width);
  for (const [row, label] of labels.entries()) {
    const vector = randomNormals(random, width).map((value, axis) => noise * value + (axis === label ? 1 : 0));
    const norm = Math.hypot(...vector);
    for (const [axis, value] of vector.entries()) encodings[row * width + axis] = value / norm;
  }
  return {encodings, labels};
}

function lesson(count: number, changes: Partial<AssistantLesson> = {}): AssistantLesson {
  const {encodings, labels} = vectors(count, 0.3, 1);
  const targets = Float32Array.from({length: count * classes}, (_, index) =>
    labels[Math.floor(index / classes)] === index % classes ? 1 : 0,
  );
  const names = vectors(classes, 0, 2).encodings;
  // No word tells anything.
  const plain = {kind: 'words', texts: Array.from(labels, () => Int32Array.of(0)), buckets: 8} as const;
  return {width, classes, encodings, labels, targets, names, plain, seed: 3, ...changes};
}

beforeAll(startEngine);

describe('fitAssistant', () => {
  it('labels inputs that it has not seen, about as well as cross-fitting says', () => {
    const {head, agreement} = fitAssistant(lesson(120));
    const unseen = vectors(2000, 0.3, 5);
    expect(accuracy(headLogits(head!, unseen.encodings), unseen.labels, classes)).toBeCloseTo(agreement, 1);
  });

  it('learns from the names of the classes if they tell something', () => {
    expect(fitAssistant(lesson(12)).knowsNames).toBe(true);
  });

  it('leaves the names out if they stand for other classes', () => {
    const names = vectors(classes, 0, 2).encodings;
    const turned = Float32Array.of(...names.subarray(width), ...names.subarray(0, width));
    expect(fitAssistant(lesson(120, {names: turned})).knowsNames).toBe(false);
  });

  it('takes the stronger penalty if classes are hard to tell apart', () => {
    const penaltyAt = (noise: number) => {
      const {encodings, labels} = vectors(300, noise, 1);
      const names = new Float32Array(classes * width);
      return fitAssistant(lesson(300, {encodings, labels, targets: oneHot(labels, classes), names})).penalty;
    };
    expect(penaltyAt(0.1)).toBe(0.01);
    expect(penaltyAt(0.5)).toBe(0.1);
  });

  it('is tried on no further part once one setting is left and its use is clear', () => {
    /** True if it gave a whole number of the 200 answers of one part. */
    const isOfOnePart = (noise: number): boolean => {
      const {encodings, labels} = vectors(600, noise, 1);
      const targets = oneHot(labels, classes);
      const given = 200 * fitAssistant(lesson(600, {encodings, labels, targets, names: undefined})).agreement;
      return Math.abs(given - Math.round(given)) < 1e-6;
    };
    expect([0.7, 0.8, 0.9].map(isOfOnePart)).toEqual([true, true, true]);
    // Here no penalty is clearly better, so that all 600 answers are asked about.
    expect(isOfOnePart(0.5)).toBe(false);
  });

  it('learns from distributions', () => {
    const whole = lesson(120);
    const unsure = whole.targets.map(target => 0.6 * target + 0.1);
    const sureness = ({head}: ReturnType<typeof fitAssistant>) =>
      headLogits(head!, whole.encodings).reduce((sum, logit) => sum + Math.abs(logit), 0);
    expect(sureness(fitAssistant({...whole, targets: unsure}))).toBeLessThan(sureness(fitAssistant(whole)) / 2);
  });

  it('has a head, unless counts of words are clearly better than the encoder', () => {
    const whole = lesson(120);
    expect(fitAssistant(whole).head).toBeDefined();
    const texts = Array.from(whole.labels, label => Int32Array.of(label));
    const told = {...whole, plain: {kind: 'words', texts, buckets: 8} as const};
    const {encodings} = vectors(120, 100, 9);
    expect(fitAssistant({...told, encodings})).toMatchObject({head: undefined, plainAgreement: 1});
    // Both are right about nearly all of them.
    expect(fitAssistant({...told, encodings: vectors(120, 0.01, 1).encodings}).head).toBeDefined();
  });

  it('is the same with the same seed', () => {
    expect(fitAssistant(lesson(60))).toEqual(fitAssistant(lesson(60)));
  });
});
