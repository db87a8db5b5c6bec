import {describe, expect, it} from 'vitest';
import {createLedger, type LedgerSnapshot} from '../../../src/ask/ledger.ts';
import {type AskingState, measureAsking} from '../../../src/ask/progress/progress.ts';

function ledger(amounts: Partial<LedgerSnapshot> = {}): LedgerSnapshot {
  const total = createLedger();
  total.add(amounts);
  return total.snapshot();
}

const start = {at: 5000, done: 0, ledger: ledger()};

const admission = {limit: 64, inFlight: 32, waiting: 3, refused: 7, resumesIn: 0, changes: []};

function measured(now: Partial<LedgerSnapshot>, {at = 15_000, ...state}: Partial<AskingState> & {at?: number} = {}) {
  const {bought = 0, cached = 0} = now;
  return measureAsking({now: {at, done: bought + cached, ledger: ledger(now)}, since: start, total: 1000, ...state});
}

describe('measureAsking', () => {
  it('says how fast answers are bought, whatever is served from the cache', () => {
    expect(measured({bought: 100, cached: 300})).toMatchObject({bought: 100, cached: 300, perSecond: 10});
  });

  it('says how long the rest takes if it goes on like this, hits and all', () => {
    expect(measured({bought: 100, cached: 100}).secondsLeft).toBe(40);
    expect(measured({bought: 200}).secondsLeft).toBe(40);
  });

  it('measures since the moment that it is given, not since the start', () => {
    const since = {at: 10_000, done: 900, ledger: ledger({bought: 100, cached: 800})};
    expect(measured({bought: 150, cached: 800}, {since})).toMatchObject({perSecond: 10, secondsLeft: 5});
  });

  it('knows no speed before a second is over, and no end before anything is done', () => {
    expect(measured({bought: 10}, {at: 5900})).toMatchObject({perSecond: undefined, secondsLeft: undefined});
    expect(measured({})).toMatchObject({perSecond: 0, secondsLeft: undefined});
  });

  it('adds the pause that a service asked for to the time left', () => {
    const paused = {...admission, resumesIn: 32_000};
    expect(measured({bought: 200}, {admission: paused})).toMatchObject({secondsLeft: 72, pausedSeconds: 32});
  });

  it('shows what the service allows, and the refusals of this teacher alone', () => {
    const progress = measured({bought: 1, refused: 2}, {admission});
    expect(progress).toMatchObject({inFlight: 32, limit: 64, refused: 2, pausedSeconds: 0});
    expect(measured({bought: 1})).toMatchObject({inFlight: undefined, limit: undefined});
  });

  it('projects the money over what is still to be bought', () => {
    // 1 dollar for 100 answers; of 800 left every second one is bought.
    expect(measured({bought: 100, cached: 100, usd: 1})).toMatchObject({usd: 1, usdAtEnd: 5});
    expect(measured({bought: 100})).toMatchObject({usd: undefined, usdAtEnd: undefined});
    expect(measured({cached: 100, usd: 0})).toMatchObject({usd: 0, usdAtEnd: undefined});
  });

  it('shows the limit of the budget that ends first, and whether it lasts', () => {
    const limits = [{calls: 1000}, {usd: 4}, {tokens: 1_000_000}];
    const amounts = {bought: 250, calls: 250, usd: 0.5, inputTokens: 4000, outputTokens: 1000};
    // Another teacher has spent 2 dollars before: with 2 more for this one it is all gone.
    const spent = {calls: 300, tokens: 9000, usd: 2.5};
    const progress = measured(amounts, {budget: {limits, spent}});
    expect(progress.budgetSpent).toBe(0.3);
    expect(progress.budgetAtEnd).toBe(1.05);
    expect(measured(amounts, {budget: {limits: [{usd: 4}], spent}})).toMatchObject({
      budgetSpent: 0.625,
      budgetAtEnd: 1,
    });
    expect(measured(amounts, {budget: {limits: [], spent}})).toMatchObject({budgetSpent: undefined});
    expect(measured(amounts)).toMatchObject({budgetSpent: undefined, budgetAtEnd: undefined});
  });

  it('is done when everything has an outcome', () => {
    expect(measured({bought: 999})).toMatchObject({isDone: false});
    expect(measured({bought: 999, cached: 1})).toMatchObject({isDone: true, secondsLeft: 0});
  });
});
