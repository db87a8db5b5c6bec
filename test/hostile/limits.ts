import type {OutgoingHttpHeaders} from 'node:http';

export interface Limits {
  readonly requestsPerMinute?: number;
  /** See `tokensOf`. */
  readonly tokensPerMinute?: number;
}

/** Tokens of a request: a quarter of the characters of its inputs' names, rounded up, and one an answer. */
export function tokensOf(names: readonly string[]): number {
  return names.reduce((sum, name) => sum + Math.ceil(name.length / 4) + 1, 0);
}

/** Real counters of requests and tokens, which fill up again all the time. */
export class RateLimits {
  readonly #buckets: readonly Bucket[];

  constructor({requestsPerMinute, tokensPerMinute}: Limits) {
    this.#buckets = [
      ...(requestsPerMinute ? [new Bucket('requests', requestsPerMinute, () => 1)] : []),
      ...(tokensPerMinute ? [new Bucket('tokens', tokensPerMinute, tokensOf)] : []),
    ];
  }

  /** Takes a request's share of each, or of none where one has too little; returns how many milliseconds to wait. */
  take(names: readonly string[]): number {
    const now = performance.now();
    const wait = Math.max(0, ...this.#buckets.map(bucket => bucket.waitFor(names, now)));
    if (wait === 0) for (const bucket of this.#buckets) bucket.take(names);
    return wait;
  }

  headers(): OutgoingHttpHeaders {
    return Object.assign({}, ...this.#buckets.map(bucket => bucket.headers()));
  }
}

class Bucket {
  readonly #kind: string;
  readonly #limit: number;
  readonly #costOf: (names: readonly string[]) => number;
  #level: number;
  #at = performance.now();

  constructor(kind: string, limit: number, costOf: (names: readonly string[]) => number) {
    this.#kind = kind;
    this.#limit = limit;
    this.#costOf = costOf;
    this.#level = limit;
  }

  waitFor(names: readonly string[], now: number): number {
    this.#level = Math.min(this.#limit, this.#level + (now - this.#at) * this.#perMillisecond);
    this.#at = now;
    return Math.max(0, this.#costOf(names) - this.#level) / this.#perMillisecond;
  }

  take(names: readonly string[]): void {
    this.#level -= this.#costOf(names);
  }

  headers(): OutgoingHttpHeaders {
    return {
      [`x-ratelimit-limit-${this.#kind}`]: this.#limit,
      [`x-ratelimit-remaining-${this.#kind}`]: Math.floor(this.#level),
      [`x-ratelimit-reset-${this.#kind}`]: duration((this.#limit - this.#level) / this.#perMillisecond),
    };
  }

  get #perMillisecond(): number {
    return this.#limit / 60_000;
  }
}

/** As OpenAI writes them: `12ms`, `1.5s`, `1m30s`. */
function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.ceil(milliseconds)}ms`;
  const minutes = Math.floor(milliseconds / 60_000);
  const seconds = (milliseconds - minutes * 60_000) / 1000;
  return minutes > 0 ? `${minutes}m${seconds.toFixed(0)}s` : `${seconds.toFixed(3)}s`;
}
