/** What a service may tell of itself to `limbeck probe`, beside the contract. Types only. */
import type {Access, Reply, Service, Teacher} from './teacher.ts';

/** A service that can be tried out by more than its answers. */
export interface ProbedService<A extends Access = Access> extends Service<A> {
  readonly probe?: ServiceProbe<A>;
}

/** How a service is tried out. */
export interface ServiceProbe<A extends Access = Access> {
  /** What the scores of tokens are that answers are made of. Of language models alone. */
  readonly scores?: TokenScores;
  /** What a reply with status 200 shows of how it was made. Never throws. */
  inspect(reply: Reply): Inspection;
  /**
   * The same teacher with another temperature of the sampling.
   *
   * @default none: it has no temperature
   */
  atTemperature?(temperature: number): Teacher<A>;
}

/** What a service's scores of tokens are, as its adapter takes them. */
export interface TokenScores {
  /**
   * `raw`: log-probabilities by the model itself; `processed`: after temperature and cuts; `masked`: among the tokens
   * alone that a grammar or a list lets through; `logits`: not normalised.
   */
  readonly meaning: 'raw' | 'processed' | 'masked' | 'logits';
  /** How many tokens are named at each place. */
  readonly topK: number;
  /** By what two tokens are told apart. */
  readonly key: TokenKey;
  /** The temperature that is asked for; null leaves it to the service. */
  readonly temperature: number | null;
}

/** The surest first. */
export type TokenKey = 'id' | 'bytes' | 'string';

export interface Inspection {
  /** Options of the adapter that the service took no notice of. */
  readonly ignored: readonly string[];
  /** The generated tokens in order, each with those that might have stood in its place. */
  readonly steps?: readonly TokenStep[];
}

export interface TokenStep {
  /** Undefined if only the alternatives are told. */
  readonly chosen: ScoredToken | undefined;
  /** In any order, with or without the chosen one. */
  readonly alternatives: readonly ScoredToken[];
}

export interface ScoredToken {
  readonly text: string;
  /** UTF-8. */
  readonly bytes?: readonly number[];
  readonly id?: number;
  /** A natural log-probability, or what the service gives in its place. */
  readonly logProbability: number;
}
