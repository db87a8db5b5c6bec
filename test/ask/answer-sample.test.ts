import {describe, expect, it} from 'vitest';
import {AnswerSample} from '../../src/ask/answer-sample.ts';
import {answerKey} from '../../src/store/stored-answer.ts';
import {about} from './fake-teacher.ts';

const [query] = about(1);
const keys = Array.from({length: 2000}, (_, number) => answerKey({number}, query!));

function sampleOf(seen: readonly string[], seed = 0, size = 50): string[] {
  const sample = new AnswerSample(size, seed);
  for (const key of seen) sample.add(key, query!, () => ({answer: {kind: 'label', label: 0}, storedAt: ''}));
  return sample.answers.map(({key}) => key);
}

describe('AnswerSample', () => {
  it('holds the same answers in whatever order, and how often, they are seen', () => {
    const sample = sampleOf(keys);
    expect(sample).toHaveLength(50);
    expect(new Set(sample).size).toBe(50);
    expect(sampleOf([...keys, ...keys].reverse())).toEqual(sample);
  });

  it('holds others for another seed', () => {
    const shared = sampleOf(keys, 1).filter(key => sampleOf(keys, 2).includes(key));
    expect(shared.length).toBeLessThan(10);
  });

  it('draws from early and late answers alike', () => {
    const early = new Set(keys.slice(0, 1000));
    const drawn = sampleOf(keys, 0, 400).filter(key => early.has(key)).length;
    expect(Math.abs(drawn - 200)).toBeLessThan(50);
  });

  it('holds all there are if they are fewer than its size', () => {
    expect(sampleOf(keys.slice(0, 7)).sort()).toEqual(keys.slice(0, 7).sort());
  });
});
