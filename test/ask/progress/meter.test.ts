import {describe, expect, it} from 'vitest';
import {createLedger, type LedgerSnapshot} from '../../../src/ask/ledger.ts';
import {createAskingMeter} from '../../../src/ask/progress/meter.ts';

describe('a meter', () => {
  function meterAt() {
    let time = 0;
    const total = createLedger();
    const meter = createAskingMeter({ledger: total, now: () => time});
    return {
      /** Lets time pass, in which so much is bought and served. */
      pass(milliseconds: number, amounts: Partial<LedgerSnapshot> = {}) {
        time += milliseconds;
        total.add(amounts);
      },
      measure: (done = 0) => meter(done, 1_000_000).progress,
      finish: () => meter(1_000_000, 1_000_000),
    };
  }

  it('forgets a fast beginning, such as hits, after its window', () => {
    const {pass, measure} = meterAt();
    measure();
    pass(1000, {cached: 100_000});
    measure();
    for (let second = 0; second < 20; second++) {
      pass(1000, {bought: 10});
      measure();
    }
    expect(measure()).toMatchObject({perSecond: 10, secondsLeft: (1_000_000 - 100_200) / 10});
  });

  it('takes no answer for one about a query that was given before the first', () => {
    let time = 0;
    const ledger = createLedger();
    const meter = createAskingMeter({ledger, answersEach: 3, answersBeforehand: 300, now: () => time});
    for (const [bought, secondsLeft] of [
      [299, undefined],
      [3, undefined],
      // Two queries in two seconds, and 98 are left.
      [4, 98],
    ] as const) {
      time += 1000;
      ledger.add({bought});
      expect(meter(0, 100).progress).toMatchObject({secondsLeft});
    }
  });

  it('still knows a speed, a falling one, when nothing has come for longer than its window', () => {
    const {pass, measure} = meterAt();
    measure();
    pass(10_000, {bought: 100});
    expect(measure().perSecond).toBe(10);
    for (let second = 0; second < 90; second++) {
      pass(1000);
      measure();
    }
    expect(measure().perSecond).toBe(1);
    pass(10_000, {bought: 100});
    expect(measure().perSecond).toBe(1);
  });

  it('measures ten times a second at most, save at the end', () => {
    const {pass, measure, finish} = meterAt();
    const first = measure();
    pass(99, {bought: 5});
    expect(measure()).toBe(first);
    expect(finish()).toEqual({progress: expect.objectContaining({isDone: true, bought: 5}), detail: '5 bought'});
    pass(100, {bought: 5});
    expect(measure()).toMatchObject({bought: 10});
  });

  it('takes outcomes without an answer into account, which are in no ledger', () => {
    const {pass, measure} = meterAt();
    measure();
    pass(10_000, {bought: 100});
    expect(measure(500_000).secondsLeft).toBe(10);
  });
});
