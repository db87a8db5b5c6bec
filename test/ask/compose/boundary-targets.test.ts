import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {boundaryTargets, inverseLogits, powerShares} from '../../../src/ask/compose/boundary-targets.ts';

const distances = fc
  .array(fc.double({min: 1e-3, max: 1e4, noNaN: true}), {minLength: 3, maxLength: 20})
  .chain(all => fc.tuple(fc.constant(all), fc.nat({max: all.length - 1})));
const sum = (values: Iterable<number>) => Array.from(values).reduce((total, value) => total + value, 0);

describe('inverseLogits', () => {
  it('are those of DB3KD for distances of 2, 4 and 5', () => {
    expect([...inverseLogits([Number.NaN, 2, 4, 5], 0)]).toEqual(
      [0.95, 0.5, 0.25, 0.2].map(z => expect.closeTo(z, 12)),
    );
    expect([...inverseLogits([2, 4, 0, 5], 2)]).toEqual([0.5, 0.25, 0.95, 0.2].map(z => expect.closeTo(z, 12)));
  });
});

describe('powerShares', () => {
  it('are 0.9 of the own class, and of the others by the fourth power', () => {
    // 1/16, 1/256 and 1/4096 of their sum, 273/4096.
    const expected = [0.9, (0.1 * 256) / 273, (0.1 * 16) / 273, 0.1 / 273];
    expect([...powerShares([7, 2, 4, 8], 0)]).toEqual(expected.map(p => expect.closeTo(p, 12)));
  });

  it('do not hang on what distances are measured in, however small or large', () => {
    const base = powerShares([1, 2, 3, 5], 0);
    for (const unit of [1e-100, 1 / 255, 1e100]) {
      const scaled = powerShares([0, 2 * unit, 3 * unit, 5 * unit], 0);
      expect([...scaled]).toEqual([...base].map(p => expect.closeTo(p, 9)));
    }
  });
});

describe('boundaryTargets', () => {
  it('are the softmax of the logits, softened by the temperature', () => {
    // exp of .95, .5, .25 and .2 and of half of them, worked out by hand.
    for (const [temperature, total] of [
      [1, 2.5857097 + 1.6487213 + 1.2840254 + 1.2214028],
      [2, 1.6080142 + 1.2840254 + 1.1331485 + 1.1051709],
    ] as const) {
      const targets = boundaryTargets([0, 2, 4, 5], 0, {form: 'inverse', temperature});
      expect(targets[0]).toBeCloseTo(0.95 / temperature - Math.log(total), 6);
      expect(targets[3]).toBeCloseTo(0.2 / temperature - Math.log(total), 6);
    }
  });

  it('sum to 1, are largest for the own class, and fall with the distance of the others', () => {
    fc.assert(
      fc.property(
        distances,
        fc.constantFrom('inverse', 'power'),
        fc.constantFrom(0.05, 1, 1e6),
        ([all, own], form, T) => {
          const targets = boundaryTargets(all, own, {form: form as 'inverse' | 'power', temperature: T});
          expect(sum(targets.map(Math.exp))).toBeCloseTo(1, 4);
          for (const [index, value] of targets.entries()) {
            if (index === own) continue;
            expect(value).toBeLessThan(targets[own]!);
            for (const [other, farther] of targets.entries()) {
              if (other !== own && all[other]! > all[index]!) expect(farther).toBeLessThanOrEqual(value + 1e-6);
            }
          }
        },
      ),
    );
  });
});
