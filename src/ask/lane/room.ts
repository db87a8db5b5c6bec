import {InputError} from '../../errors.ts';
import {WaitingLine} from '../../pace/waiting-line.ts';
import type {Rate, Usage} from '../../teacher.ts';

/** What a batch takes of the room that an account has for batches. */
export interface BatchLoad {
  readonly requests: number;
  /** The most input tokens; 0 if the service does not count them. */
  readonly tokens: number;
}

/** What became of a batch that waited for its turn. A refusal means that the service refuses every batch. */
export type Entry = {readonly turn: Turn} | 'too large' | {readonly refusal: Error};

/** A batch that is in the room, until it has ended or left. */
export interface Turn {
  readonly load: BatchLoad;
}

/** How many batches of the largest size fill a known limit, so that others are under way when one ends. */
const SHARES = 4;
/** What refusals taught grows by a half when this multiple of it has ended. */
const TURNOVER = 2;
const GROWTH = 1.5;
/** How often in a row a batch is refused while no other is under way, before those that wait give up. */
const MOST_REFUSALS = 8;
/** Milliseconds from such a refusal to the next try; doubled each time. */
const FIRST_WAIT = 60_000;
const LONGEST_WAIT = 1_800_000;

interface Waiting {
  readonly load: BatchLoad;
  readonly resolve: (entry: Entry) => void;
}

/**
 * The room of an account for batches that have not ended. Services limit the requests in them, or their input tokens, and
 * refuse what passes the limit. Batches wait here, in order, until others have ended.
 *
 * A limit that nobody states is learned. If a batch is refused while others are under way, no more than these are
 * submitted; if one is refused while no other is under way, batches become half as large. Both limits grow again as batches
 * end.
 */
export class BatchRoom {
  readonly #enqueuedRequests: number;
  readonly #enqueuedTokens: number;
  readonly #line = new WaitingLine<Waiting>(() => this.#admit());
  readonly #inside = new Set<Turn>();
  /** The most requests by what refusals taught: of all batches, and of one. */
  #most = Number.POSITIVE_INFINITY;
  #mostOfOne = Number.POSITIVE_INFINITY;
  /** Requests that ended since the latest refusal. */
  #ended = 0;
  /** Refusals in a row while no other batch was under way. */
  #refusals = 0;
  /** Input tokens that the collected requests could have, and those that the service counted. */
  readonly #tokens = {most: 0, counted: 0};

  /** @throws InputError if a limit is no whole number above 0 */
  constructor({
    enqueuedRequests = Number.POSITIVE_INFINITY,
    enqueuedTokens = Number.POSITIVE_INFINITY,
  }: Pick<Rate, 'enqueuedRequests' | 'enqueuedTokens'> = {}) {
    for (const [name, value] of Object.entries({enqueuedRequests, enqueuedTokens})) {
      if (value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && value > 0)) continue;
      throw new InputError(`Expected \`${name}\` of \`rate\` to be a whole number above 0, got ${value}.`);
    }
    this.#enqueuedRequests = enqueuedRequests;
    this.#enqueuedTokens = enqueuedTokens;
  }

  /** How many batches wait. */
  get waiting(): number {
    return this.#line.length;
  }

  /** The most that one batch should hold. */
  get largest(): BatchLoad {
    return {
      requests: Math.min(this.#mostOfOne, Math.max(1, Math.floor(this.#enqueuedRequests / SHARES))),
      tokens: this.#enqueuedTokens / SHARES / this.#countedShare,
    };
  }

  /** Waits for the turn of a batch. One that is `'too large'` must be divided by what is the largest now. */
  enter(load: BatchLoad, stop: AbortSignal): Promise<Entry> {
    if (stop.aborted) return Promise.reject(stop.reason);
    return new Promise((resolve, reject) => {
      this.#line.join({load, resolve}, reject, stop);
      this.#admit();
    });
  }

  /** The turn of a batch that does not wait; undefined if there is no room now. */
  tryEnter(load: BatchLoad): Turn | undefined {
    return this.waiting === 0 && this.#holds(load) ? this.occupy(load) : undefined;
  }

  /** The turn of a batch that the service has already. */
  occupy(load: BatchLoad): Turn {
    const turn = {load};
    this.#inside.add(turn);
    return turn;
  }

  /** A batch has ended. */
  ended(turn: Turn): void {
    this.#refusals = 0;
    this.#ended += turn.load.requests;
    if (this.#ended >= TURNOVER * this.#most) this.#grow();
    this.left(turn);
  }

  #grow(): void {
    this.#ended = 0;
    this.#most = Math.ceil(this.#most * GROWTH);
    this.#mostOfOne = Math.ceil(this.#mostOfOne * GROWTH);
  }

  /** A batch was not submitted, or is no longer awaited. Of one that has ended, it changes nothing. */
  left(turn: Turn): void {
    if (this.#inside.delete(turn)) this.#admit();
  }

  /**
   * The service had no room for a batch.
   *
   * @returns the milliseconds for which it stays in the room, so that no other is tried in the meantime; undefined if
   * those that wait have given up
   */
  refused(turn: Turn, refusal: Error): number | undefined {
    this.#ended = 0;
    const others = this.#requestsInside - turn.load.requests;
    if (others > 0) {
      this.#most = others;
      return 0;
    }
    this.#most = this.#mostOfOne = Math.max(1, Math.floor(turn.load.requests / 2));
    if (++this.#refusals < MOST_REFUSALS) return Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (this.#refusals - 1));
    this.#refusals = 0;
    for (let first = this.#line.first; first !== undefined; first = this.#line.first) {
      this.#line.shift();
      first.resolve({refusal});
    }
    return undefined;
  }

  /** Learns what share of the tokens that a request can have the service counts. */
  counted(most: Usage | undefined, actual: Usage | undefined): void {
    if (most === undefined || actual === undefined) return;
    this.#tokens.most += most.inputTokens;
    this.#tokens.counted += actual.inputTokens;
  }

  get #countedShare(): number {
    const {most, counted} = this.#tokens;
    return counted > 0 ? Math.min(1, counted / most) : 1;
  }

  #admit(): void {
    for (let first = this.#line.first; first !== undefined; first = this.#line.first) {
      const {load, resolve} = first;
      if (load.requests > this.#mostOfOne) resolve('too large');
      else if (this.#holds(load)) resolve({turn: this.occupy(load)});
      else return;
      this.#line.shift();
    }
  }

  /** An empty room holds any batch. */
  #holds({requests, tokens}: BatchLoad): boolean {
    if (this.#inside.size === 0) return true;
    let all = tokens;
    for (const {load} of this.#inside) all += load.tokens;
    return (
      this.#requestsInside + requests <= Math.min(this.#enqueuedRequests, this.#most) &&
      all * this.#countedShare <= this.#enqueuedTokens
    );
  }

  get #requestsInside(): number {
    let requests = 0;
    for (const {load} of this.#inside) requests += load.requests;
    return requests;
  }
}
