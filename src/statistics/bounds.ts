import {betaQuantile, logGamma} from './distributions.ts';

// Clopper and Pearson (1934): exact bounds on a probability, given `count` events in `trials` independent trials.

/**
 * The upper bound: the probability exceeds it with probability at most `error`, for any number of trials.
 *
 * @param error - from 0 to 1, for example 0.05
 * @returns 1 if every trial was an event, or if there were no trials
 */
export function upperBound(count: number, trials: number, error: number): number {
  return count >= trials ? 1 : betaQuantile(1 - error, count + 1, trials - count);
}

/** The lower bound: the probability is below it with probability at most `error`. 0 if no trial was an event. */
export function lowerBound(count: number, trials: number, error: number): number {
  return count <= 0 ? 0 : betaQuantile(error, count, trials - count + 1);
}

/** An interval that contains the probability with probability at least `confidence`. */
export function exactInterval(count: number, trials: number, confidence = 0.95): readonly [low: number, high: number] {
  const error = (1 - confidence) / 2;
  return [lowerBound(count, trials, error), upperBound(count, trials, error)];
}

/** The number of inputs without an answer. */
export interface MissingCount {
  /** Inputs without an answer. */
  readonly count: number;
  /** All inputs. */
  readonly total: number;
}

/**
 * The lowest and the highest possible value of a share over all inputs, if it was measured on the answered inputs only:
 * all missing inputs count against it, or all count for it. Manski (1989), Anatomy of the selection problem, section 2.
 *
 * @param share - over the answered inputs, from 0 to 1; NaN gives NaN
 */
export function boundsWithMissing(share: number, {count, total}: MissingCount): readonly [number, number] {
  const lowest = (share * (total - count)) / total;
  return [lowest, lowest + count / total];
}

/**
 * An interval for the probability of independent events that is valid at every look: it excludes the true probability
 * after any trial at all with probability at most 1 - `confidence`. It contains the probabilities that a mixture of
 * likelihood ratios doesn't reject, with all alternatives weighted by Beta(½, ½) (Robbins 1970, Annals of Mathematical
 * Statistics 41(5)). It is wider than `exactInterval`, which is valid at one look.
 *
 * @param count - events seen in `trials` trials
 * @returns [0, 1] before the first trial
 */
export function confidenceSequence(
  count: number,
  trials: number,
  confidence = 0.95,
): readonly [low: number, high: number] {
  if (trials === 0) return [0, 1];
  const rejects = (probability: number) => logMixture(count, trials, probability) >= -Math.log(1 - confidence);
  const seen = count / trials;
  return [count === 0 ? 0 : edge(0, seen, rejects), count === trials ? 1 : edge(1, seen, rejects)];
}

/** Logarithm of the likelihood ratio of the mixture to one probability. */
function logMixture(count: number, trials: number, probability: number): number {
  const logBeta = (a: number, b: number) => logGamma(a) + logGamma(b) - logGamma(a + b);
  const mixture = logBeta(count + 0.5, trials - count + 0.5) - logBeta(0.5, 0.5);
  return mixture - term(count, probability) - term(trials - count, 1 - probability);
}

function term(count: number, probability: number): number {
  return count === 0 ? 0 : count * Math.log(probability);
}

/** The last rejected point on the way from `outside` to `inside`, by bisection. */
function edge(outside: number, inside: number, rejects: (probability: number) => boolean): number {
  let [far, near] = [outside, inside];
  for (let middle = (far + near) / 2; middle !== far && middle !== near; middle = (far + near) / 2) {
    if (rejects(middle)) far = middle;
    else near = middle;
  }
  return far;
}

/** The side of the boundary on which the mean is suspected to be. */
export type Side = 'above' | 'below';

/** The state of a test, from which it can be continued. */
export interface EProcessState {
  /** Number of events that were added. */
  readonly count: number;
  /** The wealth of each bet, summed over its starts. */
  readonly wealth: readonly number[];
}

/** Each bet assumes that the odds of an event are the boundary's odds multiplied, or divided, by one of these. */
const ODDS = [1.5, 2, 3, 5, 8] as const;

/**
 * A sequential test of events, which can be looked at after each event. As long as the probability of each next event,
 * given all before it, is at most `boundary` (at least, for side `below`), `evidence` is a nonnegative supermartingale
 * that starts at 1. So the probability that it ever reaches 1/δ is at most δ (Ville, 1939), for any number of looks and
 * any rule to stop.
 *
 * Each bet is a likelihood ratio of another probability to the boundary, a test by betting (Waudby-Smith and Ramdas
 * 2024, JRSS B 86(1), section 4). A bet starts anew at each event with reserved money, so that a change after thousands
 * of events is found about as soon as one at the beginning (e-detectors: Shin, Ramdas and Rinaldo 2024, NEJSDS 2(2),
 * with weights that sum to 1, which keeps the bound for all time). After n starts the reserve is 1/(1 + ln(1 + n)).
 */
export class EProcess {
  readonly #ifEvent: readonly number[];
  readonly #ifNone: readonly number[];
  #count: number;
  #wealth: readonly number[];

  /**
   * @param boundary - a probability, above 0 and below 1
   * @param state - state of a test with the same boundary and side, to continue it
   * @default state a new test
   */
  constructor(boundary: number, side: Side, state: EProcessState = {count: 0, wealth: ODDS.map(() => 0)}) {
    const odds = boundary / (1 - boundary);
    const suspected = ODDS.map(times => (side === 'above' ? odds * times : odds / times)).map(o => o / (1 + o));
    this.#ifEvent = suspected.map(p => p / boundary);
    this.#ifNone = suspected.map(p => (1 - p) / (1 - boundary));
    this.#count = state.count;
    this.#wealth = state.wealth;
  }

  add(isEvent: boolean): void {
    const started = (reserve(this.#count) - reserve(this.#count + 1)) / ODDS.length;
    const factors = isEvent ? this.#ifEvent : this.#ifNone;
    this.#wealth = this.#wealth.map((wealth, bet) => (wealth + started) * factors[bet]!);
    this.#count++;
  }

  /** The likelihood ratio of the suspicion to the boundary; 1 before the first event. */
  get evidence(): number {
    return this.#wealth.reduce((sum, wealth) => sum + wealth, reserve(this.#count));
  }

  get state(): EProcessState {
    return {count: this.#count, wealth: this.#wealth};
  }
}

/** The share of the money that is reserved for later starts. */
function reserve(starts: number): number {
  return 1 / (1 + Math.log1p(starts));
}

/** Number of bets of a test. */
export const BETS: number = ODDS.length;
