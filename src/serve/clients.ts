import {RequestFailure} from './router.ts';

/** The number of clients above which those with a full account are forgotten. */
const MOST = 10_000;

/** The tokens that a client has left, and when they were last counted. */
interface Account {
  tokens: number;
  at: number;
}

/**
 * Limits how many inputs each client sends: a number a minute, and a tenth of that number at once (a token bucket). A
 * request counts as at least one input.
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
   * @throws RequestFailure 429 with the time to wait, if the client sent too many
   */
  admit(client: string): void {
    this.#take(client, 1);
  }

  /**
   * Admits the inputs of a request that was itself admitted.
   *
   * @param count - number of inputs in the request
   * @throws RequestFailure 429 if there are too many inputs, with the time to wait if waiting helps
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

  /** Forgets clients whose account is full, which loses nothing. If too many remain, forgets the oldest. */
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
