import {describe, expect, it} from 'vitest';
import {claimsOf, tableOf} from './claims.ts';
import type {AllMeasured} from './figures.ts';
import {sample} from './sample.ts';

const how = {settings: {}, note: ''};

/** Which claims hold, in their order, with some effects measured otherwise. */
function holding(other: Partial<AllMeasured> = {}): readonly (boolean | undefined)[] {
  return claimsOf({...sample, ...other}).map(({holds}) => holds);
}

const without = (index: number) => holding().with(index, false);

describe('the claims of the benchmark', () => {
  it('all hold if the figures support them', () => {
    expect(holding()).toEqual(Array.from({length: 9}, () => true));
  });

  it('ask for shares of the omitted digit, the mean over the seeds', () => {
    const runs = {hardRecall: [0.2, 0.3, 0.1], softRecall: [0.8, 0.7, 0.9], biasedRecall: [0.95, 0.96, 0.97]};
    const omittedDigit = (changed: Partial<typeof runs>) => ({
      omittedDigit: {runs: {...runs, ...changed}, ...how},
    });
    expect(holding(omittedDigit({hardRecall: [0.3, 0.3, 0.3]}))).toEqual(without(0));
    expect(holding(omittedDigit({softRecall: [0.9, 0.5, 0.5]}))).toEqual(without(1));
    expect(holding(omittedDigit({biasedRecall: [0.89, 0.9, 0.9]}))).toEqual(without(2));
  });

  it('ask for fewer errors from soft labels, and for fewer still with the bias', () => {
    const runs = {hardErrors: [7500, 7510, 7520], softErrors: [7600, 7700, 7800], biasedErrors: [800, 900, 1000]};
    expect(holding({sevensAndEights: {runs, ...how}})).toEqual(without(3));
    const same = {...runs, softErrors: [2000, 2001, 2002], biasedErrors: [2000, 2001, 2002]};
    expect(holding({sevensAndEights: {runs: same, ...how}})).toEqual(without(4));
  });

  it('take no difference for a gain that is as small as its own standard error', () => {
    const alone = [0.91, 0.92, 0.9];
    const unsure = {runs: {alone, distilled: [0.93, 0.919, 0.9]}, ...how};
    expect(holding({fewShot: unsure})).toEqual(without(5));
    const sure = {runs: {alone, distilled: [0.912, 0.923, 0.902]}, ...how};
    expect(holding({fewShot: sure})).toEqual(holding());
  });

  it('ask log-probabilities out of domain for 8 points', () => {
    const gain = (points: number) => {
      const logProbs = [0.4, 0.42, 0.44].map(share => share + points / 100);
      return holding({outOfDomain: {runs: {labels: [0.4, 0.42, 0.44], logProbs}, ...how}});
    };
    expect(gain(7.9)).toEqual(without(8));
    expect(gain(8.1)).toEqual(holding());
  });

  it('say in the table what was measured, what was wanted and what was skipped', () => {
    const table = tableOf(claimsOf({...sample, votes: {runs: {labels: [0.5], votes: [0.4]}, ...how}}));
    expect(table).toMatch(/T = 20.*80\.00 ± 10\.00 %.*at least 65 %.*yes/);
    expect(table).toMatch(/noisy.*40\.00 ± 0\.00 %; labels 50\.00.*-10\.00.*NO/);
    const skipped = {outOfDomain: {skipped: 'needs clothes'}};
    expect(tableOf(claimsOf({...sample, ...skipped}))).toMatch(/needs clothes.*skipped/);
    expect(holding(skipped)).toEqual(holding().with(8, undefined));
  });
});
