import {randomInteger, seededRandom} from '../data/random.ts';
import {mean, quantile} from '../evaluate/statistics.ts';
import {errorAt, fitCurve, type LearningCurve} from './curve.ts';

/** The agreement of a student with the teacher on the held-out inputs. */
export interface MeasuredRound {
  /** Number of answers that it learned from. */
  readonly answers: number;
  /**
   * [held out], 1 if it agrees with the teacher and 0 if it doesn't, or a share. The inputs are the same every round.
   */
  readonly agrees: Float64Array;
}

export interface GainOptions {
  /**
   * How many more answers.
   *
   * @default 100
   */
  readonly calls?: number;
  /**
   * Seed of the resamples.
   *
   * @default 0
   */
  readonly seed?: number;
  /** @default 500 */
  readonly resamples?: number;
}

/** The expected growth of agreement. */
export interface ExpectedGain {
  /** How many more answers. */
  readonly calls: number;
  /** A share, from 0 to 1. */
  readonly gain: number;
  /** 95 % percentile interval. */
  readonly interval: readonly [low: number, high: number];
  /** The learning curve behind the estimate. */
  readonly curve: LearningCurve;
}

/**
 * The expected gain of more answers, by the learning curve through all rounds so far. The interval is a bootstrap: it
 * draws the held-out inputs with replacement, the same ones for each round, and fits a curve to them (Efron and
 * Tibshirani, 1993, An introduction to the bootstrap, section 9.5). It assumes that the curve has this form.
 *
 * @returns undefined for fewer than two rounds
 */
export function expectedGain(
  rounds: readonly MeasuredRound[],
  {calls = 100, seed = 0, resamples = 500}: GainOptions = {},
): ExpectedGain | undefined {
  const points = rounds.map(({answers, agrees}) => ({answers, error: 1 - mean(agrees)}));
  const held = rounds[0]?.agrees.length ?? 0;
  const weights = points.map(({error}) => weightOf(error, held));
  const curve = fitCurve(points, weights);
  if (curve === undefined) return undefined;
  const last = rounds.at(-1)!.answers;
  const random = seededRandom(seed, 'resamples of the learning curve');
  const gains = Float64Array.from({length: resamples}, () => {
    const drawn = Int32Array.from({length: held}, () => randomInteger(random, 0, held - 1));
    const redrawn = rounds.map(({answers, agrees}) => ({answers, error: 1 - meanAt(agrees, drawn)}));
    return gainOf(fitCurve(redrawn, weights)!, last, calls);
  }).sort();
  return {
    calls,
    gain: gainOf(curve, last, calls),
    interval: [quantile(gains, 0.025), quantile(gains, 0.975)],
    curve,
  };
}

function gainOf(curve: LearningCurve, answers: number, calls: number): number {
  return errorAt(curve, answers) - errorAt(curve, answers + calls);
}

/** 1 / the variance of a share. One more right and one more wrong input are added, so that no share is certain. */
function weightOf(error: number, held: number): number {
  const smooth = (error * held + 1) / (held + 2);
  return held / (smooth * (1 - smooth));
}

function meanAt(values: Float64Array, indices: Int32Array): number {
  let sum = 0;
  for (const index of indices) sum += values[index]!;
  return sum / indices.length;
}
