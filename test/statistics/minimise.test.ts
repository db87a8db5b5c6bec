import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {minimise, type Objective} from '../../src/statistics/minimise.ts';

describe('minimise', () => {
  it('finds the minimum of any positive quadratic form', () => {
    const axis = fc.record({
      curvature: fc.double({min: 0.01, max: 100, noNaN: true}),
      minimum: fc.double({min: -10, max: 10, noNaN: true}),
      start: fc.double({min: -10, max: 10, noNaN: true}),
    });
    fc.assert(
      fc.property(fc.array(axis, {minLength: 1, maxLength: 8}), axes => {
        const form: Objective = (point, gradient) => {
          for (const [index, {curvature, minimum}] of axes.entries()) {
            gradient[index] = curvature * (point[index]! - minimum);
          }
          return axes.reduce(
            (sum, {curvature, minimum}, index) => sum + (curvature / 2) * (point[index]! - minimum) ** 2,
            0,
          );
        };
        const {point, value} = minimise(
          form,
          Float64Array.from(axes, ({start}) => start),
          {tolerance: 1e-14},
        );
        expect(value).toBeCloseTo(0, 8);
        for (const [index, {minimum}] of axes.entries()) expect(point[index]).toBeCloseTo(minimum, 3);
      }),
    );
  });

  it("finds the end of Rosenbrock's valley", () => {
    const {point, iterations} = minimise(
      ([x, y], gradient) => {
        gradient.set([-2 * (1 - x!) - 400 * x! * (y! - x! ** 2), 200 * (y! - x! ** 2)]);
        return (1 - x!) ** 2 + 100 * (y! - x! ** 2) ** 2;
      },
      Float64Array.of(-1.2, 1),
      {tolerance: 1e-12},
    );
    expect(point[0]).toBeCloseTo(1, 5);
    expect(point[1]).toBeCloseTo(1, 5);
    expect(iterations).toBeLessThan(60);
  });

  it('stays at a minimum', () => {
    const flat = minimise(() => 3, Float64Array.of(1, 2));
    expect(flat).toEqual({point: Float64Array.of(1, 2), value: 3, iterations: 0});
  });

  it('ends after as many iterations as are allowed', () => {
    const {iterations} = minimise(
      ([x, y], gradient) => {
        gradient.set([4 * x! ** 3, 2 * y!]);
        return x! ** 4 + y! ** 2;
      },
      Float64Array.of(5, 40),
      {iterations: 2},
    );
    expect(iterations).toBe(2);
  });
});
