import {describe, expect, it} from 'vitest';
import type {CascadeResult} from '../../src/evaluate/calibration.ts';
import {NOTHING_LOCAL} from '../../src/evaluate/guarantee.ts';
import {cascadeSentences, promiseText, testText} from '../../src/study/report/cascades.ts';
import {sampleResults} from './sample-results.ts';

const guarantee = {
  agreement: 0.97,
  confidence: 0.95,
  answers: 157,
  disagreements: 1,
  localShare: 0.613,
  bound: 0.02992,
};
const cascade: CascadeResult = {
  ...{localShare: 0.6213, agreement: 0.9843, interval: [0.9765, 0.9901], inputs: 1500, threshold: 0.83121},
  guarantee,
};
const plain = (text: string) => text.replaceAll('\u00a0', ' ');

describe('promiseText', () => {
  it('says target, threshold, what is expected, and which number is a point estimate', () => {
    expect(plain(promiseText(cascade))).toBe(
      'Target: 97 % agreement with the teacher over all requests, with 95 % probability. From a confidence of 0.8312 on the ' +
        'student answers by itself: 61.3 % of requests, by a point estimate. On 157 calibration answers it differed once: ' +
        'agreement 99.36 % (a point estimate), 97.01 % at least.',
    );
  });

  it('says how many more answers would do', () => {
    const none = {...guarantee, answers: 0, disagreements: 0, localShare: 0, bound: 0, moreAnswers: 48};
    expect(promiseText({threshold: NOTHING_LOCAL, guarantee: none})).toContain(
      'answers nothing by itself: 48 more would do',
    );
  });

  it('says that a student is too unsure, and that a threshold of before is no guarantee', () => {
    const none = {...guarantee, disagreements: 0, localShare: 0, bound: 0};
    expect(promiseText({threshold: NOTHING_LOCAL, guarantee: none})).toContain('it still differs too often');
    expect(promiseText({threshold: 0.8})).toContain('0.8000, is a point estimate: nothing is guaranteed');
  });
});

describe('testText', () => {
  it('says what the test split gave, with its interval, and whether the target is kept there', () => {
    expect(plain(testText(cascade))).toBe(
      'On 1,500 test inputs the student answers 62.13 % itself, and 98.43 % (97.65 to 99.01) of all answers are the ' +
        'teacher’s: the target is kept there.',
    );
    expect(testText({...cascade, agreement: 0.969})).toContain('the target is missed there');
    const {guarantee: _, ...unguaranteed} = cascade;
    expect(testText(unguaranteed)).not.toContain('target');
  });
});

describe('cascadeSentences', () => {
  it('sums up the seeds of each method', () => {
    const results = sampleResults();
    const rows = results.rows.map((row, index) =>
      index < 3 ? {...row, cascade: {...cascade, agreement: 0.96 + index / 100, localShare: 0.6 + index / 100}} : row,
    );
    expect(cascadeSentences({...results, rows}).map(plain)).toEqual([
      'true labels in a cascade: target 97 % agreement with 95 % probability, by 157 calibration answers; the student is ' +
        'expected to answer 61.3 % itself (a point estimate). On 1,500 test inputs it answers 60.0 to 62.0 % itself, ' +
        'agreement 96.00 to 98.00 %: 2 of 3 students keep the target there.',
    ]);
    expect(cascadeSentences(results)).toEqual([]);
  });
});
