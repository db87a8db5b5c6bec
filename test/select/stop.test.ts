import {describe, expect, it} from 'vitest';
import type {ExpectedGain} from '../../src/select/gain.ts';
import {type Standing, type StopRules, stopReason} from '../../src/select/stop.ts';

const curve = {floor: 0, scale: 1, rate: 0.5};
const gainOf = (gain: number): ExpectedGain => ({calls: 100, gain, interval: [0, 1], curve});

function reasonFor(changes: Partial<Standing>, rules: StopRules = {}) {
  const standing: Standing = {
    ...{agreement: {share: 0.9, interval: [0.88, 0.92]}, gain: gainOf(0.004), gainBefore: gainOf(0.006)},
    ...{left: 100, unasked: 1000, isUnpaid: false},
  };
  return stopReason({...standing, ...changes}, rules);
}

describe('stopReason', () => {
  it('goes on if nothing says stop', () => {
    expect(reasonFor({})).toBeUndefined();
    expect(reasonFor({gain: undefined, gainBefore: undefined}, {gain: 1})).toBeUndefined();
  });

  it('stops if the most inputs were asked about, the pool is empty, or the budget is at its end', () => {
    expect(reasonFor({left: 0})).toBe('most');
    expect(reasonFor({unasked: 0})).toBe('pool');
    expect(reasonFor({isUnpaid: true})).toBe('budget');
  });

  it('stops if the lower end of the agreement reaches what was wanted, not when the estimate does', () => {
    expect(reasonFor({}, {agreement: 0.9})).toBeUndefined();
    expect(reasonFor({}, {agreement: 0.88})).toBe('agreement');
  });

  it('stops if the gain was too small in two rounds, not in one', () => {
    expect(reasonFor({}, {gain: 0.005})).toBeUndefined();
    expect(reasonFor({gain: gainOf(0.006), gainBefore: gainOf(0.004)}, {gain: 0.005})).toBeUndefined();
    expect(reasonFor({}, {gain: 0.0061})).toBe('gain');
  });
});
