import {describe, expect, it} from 'vitest';
import {repeat} from '../../src/ask/compose/repeat.ts';
import {createLedger} from '../../src/ask/ledger.ts';
import {costEachOf} from '../../src/serve/status.ts';
import type {Price, Service, Teacher} from '../../src/teacher.ts';
import {sayingOf, teacherOf} from './services.ts';

function priced(price: Price): Teacher {
  const service = {account: 'far', reader: 1, read: () => [], price} as Service;
  return teacherOf(() => sayingOf('ham 0.9'), {service});
}

describe('costEachOf', () => {
  it('is the mean of what was paid', () => {
    const ledger = createLedger();
    const each = costEachOf(priced({perMillionInputTokens: 5}), ledger);
    expect(each()).toBeUndefined();
    ledger.add({bought: 3, usd: 0.006});
    ledger.add({bought: 1, cached: 10, usd: 0.004});
    expect(each()).toBeCloseTo(0.0025, 12);
  });

  it('is the price of a call before anything was bought, where that is all there is', () => {
    expect(costEachOf(priced({perCall: 0.003}), createLedger())()).toBe(0.003);
    expect(costEachOf(priced({perCall: 0.003, perMillionOutputTokens: 1}), createLedger())()).toBeUndefined();
  });

  it('is unknown of a teacher without a price', () => {
    const ledger = createLedger();
    const each = costEachOf(
      teacherOf(() => sayingOf('ham 0.9')),
      ledger,
    );
    ledger.add({bought: 2});
    expect(each()).toBeUndefined();
  });

  it('counts every asking of a teacher that is asked several times', () => {
    const ledger = createLedger();
    const each = costEachOf(repeat(priced({perCall: 0.001}) as Teacher<'gray-box'>, {samples: 5}), ledger);
    expect(each()).toBeCloseTo(0.005, 12);
    ledger.add({bought: 10, usd: 0.02});
    expect(each()).toBeCloseTo(0.01, 12);
  });
});
