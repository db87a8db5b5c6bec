import {describe, expect, it} from 'vitest';
import type {Knowledge} from '../../src/knowledge/knowledge.ts';
import type {ExpectedGain} from '../../src/select/curve.ts';
import {describeRound, type SelectionRound, type Standing, type StopRules, stopReason} from '../../src/select/round.ts';

const knowledge: Knowledge = {
  source: {access: 'black-box', identity: {}},
  classes: ['yes', 'no'],
  detail: {kind: 'label'},
  inputs: {kind: 'text', count: 0, texts: []},
  answers: {kind: 'label', count: 0, labels: new Int32Array(0)},
};
const round: SelectionRound = {
  ...{round: 3, asked: 250, knowledge, rows: new Int32Array(1750), held: 200, missing: []},
  agreement: {share: 0.931, interval: [0.887, 0.9584]},
  gain: {calls: 100, gain: 0.0042, interval: [0.0011, 0.007], curve: {floor: 0, scale: 1, rate: 0.5}},
};

it('says in one line what a round came to and what the next calls are expected to buy', () => {
  expect(describeRound(round)).toBe(
    'Round 3: 1,750 answers, agreement 93.1 % (95 % interval 88.7 to 95.8) on 200 held out; the next 100 calls are expected to buy +0.4 points (95 % interval 0.1 to 0.7).',
  );
});

it('says why it ends, and before the second round that nothing is known of the next calls', () => {
  expect(describeRound({...round, stopped: 'budget'})).toMatch(
    /\(95 % interval 0\.1 to 0\.7\)\. It ends here: the budget is at its end\.$/,
  );
  expect(describeRound({...round, gain: undefined})).toMatch(
    /; what the next calls buy is known after the next round\.$/,
  );
  expect(describeRound({...round, gain: undefined, stopped: 'most'})).toMatch(
    /on 200 held out\. It ends here: as many inputs as were allowed have been asked about\.$/,
  );
});

it('says that no student had to choose if all was asked in one round', () => {
  expect(describeRound({...round, round: 1, agreement: undefined, gain: undefined, stopped: 'most'})).toBe(
    'Round 1: 1,750 answers, in one round, so that no student had to choose. It ends here: as many inputs as were allowed have been asked about.',
  );
});

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
