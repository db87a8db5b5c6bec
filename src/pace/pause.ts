/** Milliseconds of the first pause if the service doesn't say; doubled for each further one in a row. */
const BACK_OFF = 1000;
export const LONGEST_BACK_OFF = 60_000;
/** The most that is added to a pause, as a share of it and in milliseconds. */
const JITTER = 0.2;
const LONGEST_JITTER = 10_000;

/** What a pause remembers, as plain data. */
export interface PauseMemory {
  until: number;
  /** When the next waiting request can go. */
  nextAt: number;
  gap: number;
  staggered: number;
  /** Back-offs since the last answer. */
  inARow: number;
}

/**
 * The time in which nothing is sent, because the service said so. After it the requests go out one after another, at
 * random distances, so that neither they nor other processes come back all at once. No request is ever early.
 */
export class Pause {
  readonly memory: PauseMemory;
  readonly #random: () => number;

  /**
   * @param random - draws a number from 0 to 1
   * @param memory - of an earlier one
   */
  constructor(random: () => number, memory: PauseMemory = {until: 0, nextAt: 0, gap: 0, staggered: 0, inARow: 0}) {
    this.#random = random;
    this.memory = memory;
  }

  /** Milliseconds until a request can go. */
  wait(now: number): number {
    return Math.max(0, this.memory.nextAt - now);
  }

  /** Milliseconds until the end of the pause. */
  remaining(now: number): number {
    return Math.max(0, this.memory.until - now);
  }

  /**
   * Begins a pause, or extends the present one.
   *
   * @param milliseconds - what the service asked for; undefined for a back-off
   * @param requests - how many can come back at once
   */
  begin(milliseconds: number | undefined, requests: number, now: number): void {
    const pause = milliseconds ?? Math.min(BACK_OFF * 2 ** this.memory.inARow++, LONGEST_BACK_OFF);
    if (now + pause <= this.memory.until) return;
    this.memory.until = now + pause;
    this.memory.gap = Math.min(pause * JITTER, LONGEST_JITTER) / requests;
    this.memory.staggered = requests;
    this.#stagger(this.memory.until);
  }

  /** A request went out. */
  sent(now: number): void {
    if (this.memory.staggered > 0) this.#stagger(now);
  }

  /** The service answered, so the next back-off is short again. */
  answered(): void {
    this.memory.inARow = 0;
  }

  #stagger(from: number): void {
    this.memory.staggered--;
    this.memory.nextAt = from + this.memory.gap * this.#random();
  }
}

/** The share of refusals that a service can produce by chance, and the least share that a limit produces. */
const BY_CHANCE = 0.07;
const BY_LIMIT = 0.3;
/** The weights of a refusal and of an answer: logarithms of how much likelier a limit makes them. */
const REFUSAL = Math.log(BY_LIMIT / BY_CHANCE);
const ANSWER = Math.log((1 - BY_LIMIT) / (1 - BY_CHANCE));
/** The weight that proves a limit: five refusals in a row, from zero. */
const LIMIT = 5 * REFUSAL;

/** The weight of what speaks for a limit, as plain data. */
export interface EvidenceMemory {
  weight: number;
}

/**
 * Tells refusals for a limit from refusals by chance, whatever the pace: a cumulative sum (Page, 1954, Continuous
 * inspection schemes) over the replies, in which a refusal speaks for a limit and an answer against it. Under a limit
 * refusals come in rows. If one reply in twenty is a refusal by chance, that is taken for a limit once in some 60,000
 * replies; if one in ten is, once in some 700.
 *
 * At the start a refusal is taken for a limit, until some answers in a row speak against it.
 */
export class RefusalEvidence {
  readonly memory: EvidenceMemory;

  /** @param memory - of earlier replies */
  constructor(memory: EvidenceMemory = {weight: LIMIT}) {
    this.memory = memory;
  }

  /** The service answered a request. */
  answered(): void {
    this.memory.weight = Math.max(0, this.memory.weight + ANSWER);
  }

  /** The service refused a request, and did not say for which limit. @returns true if it is for a limit */
  refused(): boolean {
    this.memory.weight = Math.min(LIMIT, this.memory.weight + REFUSAL);
    return this.memory.weight >= LIMIT;
  }
}
