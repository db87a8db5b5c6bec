import {expect, it} from 'vitest';
import type {Knowledge} from '../../src/knowledge/knowledge.ts';
import {describeRound, type SelectionRound} from '../../src/select/round.ts';

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
