import {readFileSync} from 'node:fs';
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {randomFraction, seededRandom} from '../../src/data/random.ts';
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

describe('a temperature that is fitted to n answers', () => {
  /** Logits of a class against another, from sure of one to sure of the other. */
  const logitsOf = (spread: number, count: number): readonly number[] =>
    Array.from({length: count}, (_, row) => spread * (1 - (2 * row) / (count - 1)));

  // As many as calibration asks for at most: `ENOUGH` of `src/study/cross-fit.ts`.
  it.each([1, 4, 16])('costs about 1 / (2n) nats an answer, at most about twice that, with logits up to %d', spread => {
    const [count, draws, random] = [150, 200, seededRandom(1, `answers of ${spread}`)];
    const logits = logitsOf(spread, count);
    const shares = logits.map(logit => 1 / (1 + Math.exp(-logit)));
    const rows = logits.flatMap(logit => [logit, 0]);
    /** The expected negative log-likelihood at a temperature, if that of 1 is true. */
    const lossAt = (temperature: number): number =>
      logits.reduce((sum, logit, row) => {
        const [one, other] = [Math.log1p(Math.exp(-logit / temperature)), Math.log1p(Math.exp(logit / temperature))];
        return sum + (shares[row]! * one + (1 - shares[row]!) * other) / count;
      }, 0);
    let excess = 0;
    for (let draw = 0; draw < draws; draw++) {
      const drawn = shares.map(share => (randomFraction(random) < share ? 0 : 1));
      excess += (lossAt(fitTemperature(rows, drawn, 2)) - lossAt(1)) / draws;
    }
    // Few logits up to 16 leave a doubt, and then it costs more.
    expect(excess * 2 * count).toBeGreaterThan(0.6);
    expect(excess * 2 * count).toBeLessThan(spread === 16 ? 2.5 : 1.6);
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
