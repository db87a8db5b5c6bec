import {describe, it} from 'vitest';
import {criticalT, twoSidedT} from '../../src/statistics/distributions.ts';
import {expectClose, scipy} from './scipy.ts';

describe('Student’s t', () => {
  it('equals SciPy’s', () => {
    for (const [t, degrees, wanted] of scipy.twoSidedT) expectClose(twoSidedT(t!, degrees!), wanted!);
    for (const [error, degrees, wanted] of scipy.criticalT) expectClose(criticalT(error!, degrees!), wanted!);
  });
});
