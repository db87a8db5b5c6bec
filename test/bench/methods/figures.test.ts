import {describe, expect, it} from 'vitest';
import {type Figures, meansOf, reportOf, spreadsOf} from './figures.ts';
import {sample} from './sample.ts';

describe('the figures of the effects', () => {
  it('are the means over the seeds, with the standard deviations in the same shape', () => {
    const [means, spreads] = [meansOf(sample), spreadsOf(sample)];
    expect(means.sevensAndEights).toEqual({hardErrors: 7510, softErrors: 2700, biasedErrors: 900});
    expect(spreads.sevensAndEights).toEqual({hardErrors: 10, softErrors: 100, biasedErrors: 100});
    expect(means.omittedDigit?.softRecall).toBeCloseTo(0.8);
    expect(spreads.omittedDigit?.softRecall).toBeCloseTo(0.1);
  });

  it('have the keys that those who read the JSON look for', () => {
    const {spread, settings, ...means} = reportOf(sample, {seeds: [1, 2, 3]});
    const keysOf = (figures: Figures) =>
      Object.fromEntries(Object.entries(figures).map(([effect, of]) => [effect, Object.keys(of ?? {})]));
    expect(keysOf(spread)).toEqual(keysOf(means));
    expect(settings).toMatchObject({
      seeds: [1, 2, 3],
      fewShot: {settings: {temperature: 4}, runs: {alone: [0.91, 0.92, 0.9]}},
    });
    expect(keysOf(means)).toEqual({
      omittedDigit: ['hardRecall', 'softRecall', 'biasedRecall'],
      sevensAndEights: ['hardErrors', 'softErrors', 'biasedErrors'],
      fewShot: ['alone', 'distilled'],
      mixup: ['labels', 'mixup'],
      votes: ['labels', 'votes'],
      outOfDomain: ['labels', 'logProbs'],
    });
  });

  it('are null of an effect that could not be measured', () => {
    const measured = {...sample, outOfDomain: {skipped: 'no clothes'}};
    expect(meansOf(measured).outOfDomain).toBeNull();
    expect(spreadsOf(measured).outOfDomain).toBeNull();
    expect(meansOf(measured).votes).not.toBeNull();
  });
});
