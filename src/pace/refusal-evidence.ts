/** The share of refusals that a service can produce by chance, and the least share that a limit produces. */
const BY_CHANCE = 0.07;
const BY_LIMIT = 0.3;
/** The weights of a refusal and of an answer: logarithms of how much likelier a limit makes them. */
const REFUSAL = Math.log(BY_LIMIT / BY_CHANCE);
const ANSWER = Math.log((1 - BY_LIMIT) / (1 - BY_CHANCE));
/** The weight that proves a limit: five refusals in a row, from zero. */
const LIMIT = 5 * REFUSAL;

/**
 * Tells refusals for a limit from refusals by chance, whatever the pace: a cumulative sum (Page, 1954, Continuous
 * inspection schemes) over the replies, in which a refusal speaks for a limit and an answer against it. Under a limit
 * refusals come in rows. If one reply in twenty is a refusal by chance, that is taken for a limit once in some 60,000
 * replies; if one in ten is, once in some 700.
 *
 * At the start a refusal is taken for a limit, until some answers in a row speak against it.
 */
export class RefusalEvidence {
  #weight = LIMIT;

  /** The service answered a request. */
  answered(): void {
    this.#weight = Math.max(0, this.#weight + ANSWER);
  }

  /** The service refused a request, and did not say for which limit. @returns true if it is for a limit */
  refused(): boolean {
    this.#weight = Math.min(LIMIT, this.#weight + REFUSAL);
    return this.#weight >= LIMIT;
  }
}
