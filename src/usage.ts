/** What a service charges, and what it allows: part of the contract. Types only. */

/** Undefined: as many as the service takes. */
export interface Rate {
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
}

/** A cost with no known bound; `problem` says why and what to do. Budgets that it could pass are refused. */
export interface Unbounded {
  /** Tokens matter if they are charged for; fees beside tokens always do. */
  readonly of: 'tokens' | 'fees';
  readonly problem: string;
}

/** Tokens, as a service charges for them: whole numbers, 0 or more. */
export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface Receipt {
  /** Left out if the reply doesn't report all of it: then the worst case counts. */
  readonly usage?: Usage;
  /** The model that answered, which can differ from the requested one. */
  readonly model?: string;
  /** The service's name for the state of its model, for example `system_fingerprint`. */
  readonly fingerprint?: string;
}

/** In US dollars. A missing field counts as 0. */
export interface Price {
  readonly perCall?: number;
  readonly perMillionInputTokens?: number;
  readonly perMillionOutputTokens?: number;
}
