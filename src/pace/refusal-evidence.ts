/** The share of refusals that a service may throw in by chance, and the share that a limit makes at least. */
const BY_CHANCE = 0.07;
const BY_LIMIT = 0.3;
/** What a refusal and an answer weigh, as logarithms of how much likelier a limit makes them. */
const REFUSAL = Math.log(BY_LIMIT / BY_CHANCE);
const ANSWER = Math.log((1 - BY_LIMIT) / (1 - BY_CHANCE));
/** From which weight on it is a limit: five refusals in a row, from none. */
const LIMIT = 5 * REFUSAL;

/**
 * Tells refusals for a limit from those that come by chance, whatever the pace: a cumulative sum (Page, 1954, Continuous
 * inspection schemes) over the replies, in which a refusal speaks for a limit and an answer against it. Under a limit
 * refusals come in rows. If one reply in twenty is a refusal by chance, that is taken for a limit once in some 60,000
 * replies; if one in ten is, once in some 700.
 *
 * At the start a refusal is taken for a limit, and until some answers in a row speak against it.
 */
export class RefusalEvidence {
  #weight = LIMIT;

  /** The service answered a request. */
  answered(): void {
    this.#weight = Math.max(0, this.#weight + ANSWER);
  }

  /** The service refused a request, and did not say for which limit. @returns whether it is for a limit */
  refused(): boolean {
    this.#weight = Math.min(LIMIT, this.#weight + REFUSAL);
    return this.#weight >= LIMIT;
  }
}
