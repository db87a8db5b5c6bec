import {describe, expect, it} from 'vitest';
import {createLedger} from '../../src/ask/ledger.ts';

describe('a ledger', () => {
  it('adds up, and its snapshots stay as they were taken', () => {
    const ledger = createLedger();
    expect(ledger.snapshot()).toEqual({asked: 0, bought: 0, cached: 0, calls: 0});
    ledger.add({asked: 3, calls: 1});
    const before = ledger.snapshot();
    ledger.add({asked: 2, bought: 4, cached: 1, calls: 2});
    expect(before).toEqual({asked: 3, bought: 0, cached: 0, calls: 1});
    expect(ledger.snapshot()).toEqual({asked: 5, bought: 4, cached: 1, calls: 3});
  });
});
