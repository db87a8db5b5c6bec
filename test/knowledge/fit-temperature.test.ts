import {readFileSync} from 'node:fs';
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {InputError} from '../../src/errors.ts';
import {nll} from '../../src/evaluate/metrics.ts';
import {ece} from '../../src/evaluate/reliability.ts';
import {fitTemperature, temperatureError} from '../../src/knowledge/fit-temperature.ts';
import {reference} from '../evaluate/reference.ts';

const {classes, labels, student} = reference;

interface Fitted {
  readonly scale: number;
  readonly smooth: boolean;
  readonly temperature: number;
}

/** See `test/fixtures/metrics/make-calibration.py`. */
const fitted: readonly Fitted[] = JSON.parse(readFileSync('test/fixtures/metrics/calibration.json', 'utf8'));

const scaled = (factor: number) => student.map(logit => logit * factor);

describe('fitTemperature', () => {
  it.each(fitted)('is what SciPy fits to logits times $scale (smooth: $smooth)', ({scale, smooth, temperature}) => {
    expect(fitTemperature(scaled(scale), labels, classes, {smooth}) / temperature).toBeCloseTo(1, 5);
  });

  it('makes confidences right, without another answer', () => {
    const sure = scaled(6);
    const temperature = fitTemperature(sure, labels, classes);
    const calm = sure.map(logit => logit / temperature);
    expect(ece(calm, labels, classes)).toBeLessThan(0.5 * ece(sure, labels, classes));
    expect(nll(calm, labels, classes)).toBeLessThan(nll(sure, labels, classes));
  });

  it('grows as the logits do', () => {
    fc.assert(
      fc.property(fc.double({min: 0.1, max: 10, noNaN: true}), factor => {
        const temperature = fitTemperature(scaled(factor), labels, classes);
        expect(temperature / factor).toBeCloseTo(fitTemperature(student, labels, classes), 5);
      }),
    );
  });

  it('does not tell a model to be certain that was right of the few inputs that there are', () => {
    const [few, right] = [
      [2, 0, 0, 2, 2, 0],
      [0, 1, 0],
    ];
    const temperature = fitTemperature(few, right, 2);
    // A logit gap g of (count + 1) / (count + 2) = 4 / 5 is log 4.
    expect(2 / temperature).toBeCloseTo(Math.log(4), 6);
    expect(fitTemperature(few, right, 2, {smooth: false})).toBeCloseTo(0.01, 6);
  });

  it('refuses to fit to nothing', () => {
    expect(() => fitTemperature([], [], 2)).toThrow(InputError);
  });
});

describe('temperatureError', () => {
  it('is that of one over T, by how the mean loss curves there', () => {
    const [temperature, step] = [1.7, 1e-3];
    const lossAt = (inverse: number) => nll(scaled(inverse), labels, classes);
    const inverse = 1 / temperature;
    const curvature = (lossAt(inverse - step) - 2 * lossAt(inverse) + lossAt(inverse + step)) / step ** 2;
    const error = 1 / Math.sqrt(labels.length * curvature) / inverse;
    expect(temperatureError(student, classes, temperature) / error).toBeCloseTo(1, 3);
  });

  it('has no bound if the logits tell nothing', () => {
    expect(temperatureError([1, 1, 3, 3], 2, 1)).toBeGreaterThan(1e6);
  });
});
