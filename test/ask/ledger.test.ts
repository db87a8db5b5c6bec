import {describe, expect, it} from 'vitest';
import {createLedger, receiptOf} from '../../src/ask/ledger.ts';
import type {Usage} from '../../src/teacher.ts';

const nothing = {
  ...{asked: 0, bought: 0, cached: 0, setAside: 0, inDoubt: 0},
  ...{calls: 0, refused: 0, inputTokens: 0, outputTokens: 0},
};

describe('a ledger', () => {
  it('adds up, and its snapshots stay as they were taken', () => {
    const ledger = createLedger();
    expect(ledger.snapshot()).toEqual(nothing);
    ledger.add({asked: 3, calls: 1});
    const before = ledger.snapshot();
    ledger.add({asked: 2, bought: 4, cached: 1, calls: 2, refused: 1, setAside: 1, inDoubt: 2});
    ledger.add({inputTokens: 100, outputTokens: 7});
    expect(before).toEqual({...nothing, asked: 3, calls: 1});
    expect(ledger.snapshot()).toEqual({
      ...{asked: 5, bought: 4, cached: 1, setAside: 1, inDoubt: 2},
      ...{calls: 3, refused: 1, inputTokens: 100, outputTokens: 7},
    });
  });

  it('knows no sum of money before a price is known, and then an exact one', () => {
    const ledger = createLedger();
    expect(ledger.snapshot()).not.toHaveProperty('usd');
    ledger.add({usd: 0});
    expect(ledger.snapshot().usd).toBe(0);
    // Ten times 0.1 is not 1 in binary fractions.
    for (let call = 0; call < 10; call++) ledger.add({usd: 0.1});
    expect(ledger.snapshot().usd).toBe(1);
  });

  it('is plain data for JSON', () => {
    const ledger = createLedger();
    ledger.add({asked: 1, usd: 0.25});
    expect(JSON.parse(JSON.stringify(ledger.snapshot()))).toEqual({...nothing, asked: 1, usd: 0.25});
  });
});

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
