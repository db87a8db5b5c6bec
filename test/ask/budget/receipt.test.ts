import {describe, expect, it} from 'vitest';
import {receiptOf} from '../../../src/ask/budget/receipt.ts';
import type {Usage} from '../../../src/teacher.ts';

const reply = {status: 200, headers: {}, body: ''};
const usageFrom = (inputTokens: unknown, outputTokens: unknown) =>
  receiptOf({receipt: () => ({model: 'm', usage: {inputTokens, outputTokens} as Usage})}, reply);

describe('a receipt', () => {
  it.each([
    [-1, 3],
    [3, -1],
    [Number.NaN, 3],
    [1.5, 3],
    [3, Number.POSITIVE_INFINITY],
    ['12', 3],
    [3, undefined],
    [null, null],
    [2 ** 60, 1],
  ])('says nothing of usage that makes no sense: %s and %s', (inputTokens, outputTokens) => {
    expect(usageFrom(inputTokens, outputTokens)).toEqual({model: 'm'});
  });

  it('says what makes sense', () => {
    expect(usageFrom(0, 12)).toEqual({model: 'm', usage: {inputTokens: 0, outputTokens: 12}});
    expect(receiptOf({}, reply)).toEqual({});
  });
});
