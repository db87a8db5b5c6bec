/** Additional facts about a service for `limbeck probe`, beside the contract. Types only. */
import type {Access, Reply, Service, Teacher} from './teacher.ts';

/** A service that can be probed by more than its answers. */
export interface ProbedService<A extends Access = Access> extends Service<A> {
  readonly probe?: ServiceProbe<A>;
}

/** How to probe a service. */
export interface ServiceProbe<A extends Access = Access> {
  /** The token scores that answers are made of. Only for language models. */
  readonly scores?: TokenScores;
  /** Facts about how a reply with status 200 was made. Never throws. */
  inspect(reply: Reply): Inspection;
  /**
   * The same teacher with another sampling temperature.
   *
   * @default none: it has no temperature
   */
  atTemperature?(temperature: number): Teacher<A>;
}

/** The meaning of a service's token scores, as its adapter reads them. */
export interface TokenScores {
  /**
   * `raw`: log-probabilities by the model itself; `processed`: after temperature and cuts; `masked`: only among the
   * tokens that a grammar or a list lets through; `logits`: not normalised.
   */
  readonly meaning: 'raw' | 'processed' | 'masked' | 'logits';
  /** How many tokens are named at each position. */
  readonly topK: number;
  /** The field that distinguishes tokens. */
  readonly key: TokenKey;
  /** The requested temperature; null leaves it to the service. */
  readonly temperature: number | null;
}

/** The most reliable first. */
export type TokenKey = 'id' | 'bytes' | 'string';

export interface Inspection {
  /** Options of the adapter that the service ignored. */
  readonly ignored: readonly string[];
  /** The generated tokens in order, each with its alternatives. */
  readonly steps?: readonly TokenStep[];
}

export interface TokenStep {
  /** Undefined if only the alternatives are reported. */
  readonly chosen: ScoredToken | undefined;
  /** In any order, with or without the chosen one. */
  readonly alternatives: readonly ScoredToken[];
}

export interface ScoredToken {
  readonly text: string;
  /** UTF-8. */
  readonly bytes?: readonly number[];
  readonly id?: number;
  /** A natural log-probability, or the service's stand-in for it. */
  readonly logProbability: number;
}
