import {describe, expect, it} from 'vitest';
import {betaQuantile, incompleteBeta} from '../../src/statistics/distributions.ts';
import {expectClose, scipy} from './scipy.ts';

describe('the beta distribution', () => {
  it('equals SciPy’s', () => {
    for (const [x, a, b, wanted] of scipy.incompleteBeta) expectClose(incompleteBeta(x!, a!, b!), wanted!);
    for (const [p, a, b, wanted] of scipy.betaQuantile) expectClose(betaQuantile(p!, a!, b!), wanted!);
  });

  it('has 0 and 1 at its ends', () => {
    expect([incompleteBeta(0, 2, 3), incompleteBeta(1, 2, 3)]).toEqual([0, 1]);
    expect([betaQuantile(0, 2, 3), betaQuantile(1, 2, 3)]).toEqual([0, 1]);
  });
});
