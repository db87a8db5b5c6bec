import {describe, expect, it} from 'vitest';
import type {ExchangeRate} from '../../../src/study/budget-results.ts';
import {exchangeSentence} from '../../../src/study/report/budgets.ts';

const sizes = [250, 1000, 5000];
const rate: ExchangeRate = {
  ...{method: 'log-probabilities', budget: 1000, agreement: 0.9, inAnswersOf: 'labels'},
  ...{worth: 2300, low: 1900, high: 2900, confidence: 0.95},
};

describe('the sentence about an exchange rate', () => {
  it.each<[part: Partial<ExchangeRate>, text: string]>([
    [{}, '2,300 of “labels” (95 % interval 1,900 to 2,900).'],
    [{high: null}, '2,300 of “labels” (95 % interval 1,900 to more than 5,000).'],
    [{low: null}, '2,300 of “labels” (95 % interval less than 250 to 2,900).'],
    [{worth: null, high: null}, 'more than 5,000 of “labels”.'],
    [{worth: null, low: null}, 'fewer than 250 of “labels”.'],
    [{worth: null, low: null, high: null}, 'a number of “labels” outside 250 to 5,000.'],
    [{confidence: Number.NaN}, '2,300 of “labels”. One seed is too few for an interval.'],
  ])('says what was measured, and which end was not: %j', (part, text) => {
    const sentence = exchangeSentence({...rate, ...part}, sizes).replaceAll('\u00a0', ' ');
    expect(sentence).toBe(`1,000 answers of “log-probabilities” teach as much as ${text}`);
  });
});
