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
