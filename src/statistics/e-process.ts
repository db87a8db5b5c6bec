/** Where the mean of what is seen is suspected to be. */
export type Side = 'above' | 'below';

/** All that a test knows, to go on with it later. */
export interface EProcessState {
  /** How often something was added. */
  readonly count: number;
  /** What each bet has become, all its starts together. */
  readonly wealth: readonly number[];
}

/** How many times the odds of the boundary each bet takes the odds of an event to be, or one over so many times. */
const ODDS = [1.5, 2, 3, 5, 8] as const;

/**
 * A test of events one after the other that may be looked at after each of them. As long as the probability of each next
 * event, given all before it, is at most `boundary` (of side `below`: at least), `evidence` is a nonnegative
 * supermartingale that starts at 1. So it ever reaches 1/δ with probability δ at most (Ville, 1939), however often it is
 * looked at and whenever one stops.
 *
 * Each bet is a likelihood ratio of another probability to the boundary, a test by betting (Waudby-Smith and Ramdas 2024,
 * JRSS B 86(1), section 4). A bet starts anew at each event, with money that was set aside for it, so that a change after
 * thousands of events is found about as soon as one at the beginning (e-detectors: Shin, Ramdas and Rinaldo 2024, NEJSDS
 * 2(2), with weights that sum to 1, which keeps the bound for all time). After n starts 1/(1 + ln(1 + n)) is still aside.
 */
export class EProcess {
  readonly #ifEvent: readonly number[];
  readonly #ifNone: readonly number[];
  #count: number;
  #wealth: readonly number[];

  /**
   * @param boundary - a probability, above 0 and below 1
   * @param state - of a test of the same boundary and side, to go on with
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
    const started = (aside(this.#count) - aside(this.#count + 1)) / ODDS.length;
    const factors = isEvent ? this.#ifEvent : this.#ifNone;
    this.#wealth = this.#wealth.map((wealth, bet) => (wealth + started) * factors[bet]!);
    this.#count++;
  }

  /** How many times as well the suspicion explains what was seen as the boundary does; 1 before anything was. */
  get evidence(): number {
    return this.#wealth.reduce((sum, wealth) => sum + wealth, aside(this.#count));
  }

  get state(): EProcessState {
    return {count: this.#count, wealth: this.#wealth};
  }
}

/** The share of the money that waits for later starts. */
function aside(starts: number): number {
  return 1 / (1 + Math.log1p(starts));
}

/** How many bets a test holds. */
export const BETS: number = ODDS.length;
