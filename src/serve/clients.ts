import {RequestFailure} from './failure.ts';

/** Clients that are remembered before those with nothing on their account are forgotten. */
const MOST = 10_000;

/** What a client may still do: tokens, when they were counted last. */
interface Account {
  tokens: number;
  at: number;
}

/**
 * How many inputs each client may send: so many a minute, and a tenth of a minute's at once (a token bucket). A request
 * counts as one input at least.
 */
export class ClientRates {
  readonly #perMillisecond: number;
  readonly #burst: number;
  readonly #now: () => number;
  readonly #accounts = new Map<string, Account>();

  /**
   * @param perMinute - above 0
   * @param now - milliseconds, for tests; @default performance.now
   */
  constructor(perMinute: number, now: () => number = () => performance.now()) {
    this.#perMillisecond = perMinute / 60_000;
    this.#burst = Math.max(1, Math.ceil(perMinute / 10));
    this.#now = now;
  }

  /**
   * Admits a request, which counts as its first input.
   *
   * @throws RequestFailure 429 with the time to wait, where the client sent too many
   */
  admit(client: string): void {
    this.#take(client, 1);
  }

  /**
   * Admits the inputs of a request that was admitted.
   *
   * @param count - all that it holds
   * @throws RequestFailure 429 where they are too many, with the time to wait if waiting helps
   */
  admitInputs(client: string, count: number): void {
    if (count > this.#burst) {
      throw new RequestFailure(429, `Too many inputs for this service's rate. Send at most ${this.#burst} at once.`);
    }
    if (count > 1) this.#take(client, count - 1);
  }

  #take(client: string, inputs: number): void {
    const now = this.#now();
    const account = this.#accounts.get(client) ?? {tokens: this.#burst, at: now};
    this.#fill(account, now);
    if (account.tokens < inputs) {
      const wait = Math.ceil((inputs - account.tokens) / this.#perMillisecond / 1000);
      throw new RequestFailure(429, `Too many requests. Send the next one in ${wait} s.`, {
        headers: {'retry-after': String(wait)},
      });
    }
    account.tokens -= inputs;
    this.#accounts.set(client, account);
    if (this.#accounts.size > MOST) this.#forget(now);
  }

  #fill(account: Account, now: number): void {
    account.tokens = Math.min(this.#burst, account.tokens + (now - account.at) * this.#perMillisecond);
    account.at = now;
  }

  /** Whoever may send a whole burst again is as good as new; of the others the oldest go. */
  #forget(now: number): void {
    for (const [client, account] of this.#accounts) {
      this.#fill(account, now);
      if (account.tokens >= this.#burst) this.#accounts.delete(client);
    }
    for (const client of this.#accounts.keys()) {
      if (this.#accounts.size <= MOST / 2) return;
      this.#accounts.delete(client);
    }
  }
}
