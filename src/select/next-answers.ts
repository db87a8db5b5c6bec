import {randomInteger, seededRandom} from '../data/random.ts';
import {mean, standardDeviation} from '../evaluate/statistics.ts';
import type {NestedParts} from './nested-parts.ts';

/** What further answers are expected to buy: an estimate by a learning curve. */
export interface NextAnswers {
  /** Number of further answers. */
  readonly answers: number;
  /** The expected growth of the agreement with the teacher, as a share: 0.01 is one point. */
  readonly gain: number;
  /** The interval of the gain. It is an estimate and no bound: its width was set on three sets of texts. */
  readonly interval: readonly [low: number, high: number];
  /** How often the interval is meant to hold the gain: 0.9. */
  readonly confidence: number;
}

export interface NextAnswersOptions {
  /** Number of answers so far. */
  readonly now: number;
  /** Number of further answers. */
  readonly more: number;
  /**
   * Number of given examples: see `AlikeExamples`.
   *
   * @default 0
   */
  readonly given?: number;
  readonly seed: number;
}

const CONFIDENCE = 0.9;
/** The quantile of the normal distribution that leaves 5 % above it. */
const QUANTILE = 1.6449;
const RESAMPLES = 50;
/**
 * By how much of the gain a student differs from the classifier of the curve, as a standard deviation. Set by draws of
 * students on three sets of texts, as is `OTHER_TRAINING`; `npm run bench:next` judges both by other draws.
 */
const OTHER_STUDENT = 0.35;
/** How much agreement differs between two trainings, as a standard deviation. */
const OTHER_TRAINING = 0.005;
/** How many answers one given example may be worth. */
const GIVEN_WORTH = [0, 0.5, 1, 2, 4, 8];

/**
 * The expected gain of further answers, by a line through the log odds of an error over the logarithm of the number of
 * answers. For few errors that is a power law; with many classes and few answers, when most are errors, a power law is too
 * flat. Given examples count as a number of answers, which the fit finds. The interval adds up what the draw of the answers
 * makes uncertain, by a bootstrap over them, how far a student may be from the classifier, and the noise of its training.
 * `npm run bench:next` counts how often it holds.
 */
export function nextAnswers(parts: NestedParts, options: NextAnswersOptions): NextAnswers {
  const {now, more, given = 0, seed} = options;
  const count = parts.agrees[0]!.length;
  const gainBy = (errors: readonly number[]): number => {
    const {at, worth} = lineThrough(parts.sizes, errors, count, given);
    return at(now + worth) - at(now + more + worth);
  };
  const gain = gainBy(parts.agrees.map(agrees => 1 - mean(agrees)));
  const random = seededRandom(seed, 'resamples of the next answers');
  const resampled = Array.from({length: RESAMPLES}, () => {
    const drawn = Int32Array.from({length: count}, () => randomInteger(random, 0, count - 1));
    return gainBy(parts.agrees.map(agrees => 1 - mean(drawn.map(answer => agrees[answer]!))));
  });
  const spread = Math.hypot(standardDeviation(resampled), OTHER_STUDENT * gain, OTHER_TRAINING);
  return {
    answers: more,
    gain,
    interval: [gain - QUANTILE * spread, gain + QUANTILE * spread],
    confidence: CONFIDENCE,
  };
}

interface Line {
  /** The share of errors after so many answers, those that given examples are worth among them. */
  readonly at: (answers: number) => number;
  /** The number of answers that all given examples together are worth. */
  readonly worth: number;
}

function lineThrough(sizes: readonly number[], errors: readonly number[], count: number, given: number): Line {
  const lines = (given === 0 ? [0] : GIVEN_WORTH).map(each => weightedLine(sizes, errors, count, each * given));
  return lines.reduce((best, line) => (line.loss < best.loss ? line : best));
}

/** Weighted least squares, by 1 over the variance of the log odds. More answers never make it worse. */
function weightedLine(
  sizes: readonly number[],
  errors: readonly number[],
  count: number,
  worth: number,
): Line & {readonly loss: number} {
  const points = sizes.map((size, index) => {
    // Half an answer on either side, so that no odds are infinite.
    const error = Math.min(Math.max(errors[index]!, 0.5 / count), 1 - 0.5 / count);
    return {x: Math.log(size + worth), y: Math.log(error / (1 - error)), weight: count * error * (1 - error)};
  });
  const total = points.reduce((sum, {weight}) => sum + weight, 0);
  const centreOf = (of: (point: (typeof points)[number]) => number): number =>
    points.reduce((sum, point) => sum + point.weight * of(point), 0) / total;
  const [x, y] = [centreOf(point => point.x), centreOf(point => point.y)];
  const slope = centreOf(point => (point.x - x) * (point.y - y)) / centreOf(point => (point.x - x) ** 2);
  const fall = Math.min(slope, 0);
  return {
    at: answers => 1 / (1 + Math.exp(-(y + fall * (Math.log(answers) - x)))),
    worth,
    loss: total * centreOf(point => (point.y - y - fall * (point.x - x)) ** 2),
  };
}
