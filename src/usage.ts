/** What a service charges, and what it allows: part of the contract. Types only. */

/** What an account allows. Undefined: as much as the service takes. */
export interface Rate {
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
  /** Requests in batches that have not ended. */
  readonly enqueuedRequests?: number;
  /** Input tokens of requests in batches that have not ended. */
  readonly enqueuedTokens?: number;
}

/** A cost with no known bound; `problem` says why and what to do. Budgets that it could pass are refused. */
export interface Unbounded {
  /** Tokens matter if they are charged for; fees beside tokens always do. */
  readonly of: 'tokens' | 'fees';
  readonly problem: string;
}

/** Tokens, as a service charges for them: whole numbers, 0 or more. */
export interface Usage {
  /** All of the prompt, those of the service's prompt cache among them. */
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Of the input tokens, those that the service read from its prompt cache. @default 0 */
  readonly cacheReadTokens?: number;
  /** Of the input tokens, those that it wrote to its prompt cache. @default 0 */
  readonly cacheWriteTokens?: number;
}

export interface Receipt {
  /** Left out if the reply doesn't report all of it: then the worst case counts. */
  readonly usage?: Usage;
  /** The model that answered, which can differ from the requested one. */
  readonly model?: string;
  /** The service's name for the state of its model, for example `system_fingerprint`. */
  readonly fingerprint?: string;
}

/** In US dollars. A missing field counts as 0, if it has no other default. */
export interface Price {
  readonly perCall?: number;
  readonly perMillionInputTokens?: number;
  readonly perMillionOutputTokens?: number;
  /** For input tokens that are read from the service's prompt cache. @default `perMillionInputTokens` */
  readonly perMillionCacheReadTokens?: number;
  /** For input tokens that are written to its prompt cache. @default `perMillionInputTokens` */
  readonly perMillionCacheWriteTokens?: number;
}
