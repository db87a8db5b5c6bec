/** The second part of the contract: what a service can offer beside answers. It has a batch lane, can be probed, can be waited for, lists its models. */
import type {Access, Query, Reply, Service, Teacher} from './teacher.ts';

/**
 * A service that can take batches as well as single requests. The lane takes many requests in one batch, answers them
 * within a day and charges less. It is another way to the same answers: it uses the teacher's identity, its keys, and
 * the `read` that `ask` uses.
 */
export interface BatchService<A extends Access = Access> extends Service<A> {
  readonly lane?: BatchLane;
}

/**
 * Each of its requests that fails does so with a TeacherError. A request to a batch that has ended may be sent again.
 */
export interface BatchLane {
  /** The most requests in a batch. */
  readonly maxRequests: number;
  /** The most bytes in a batch: its lines, and one byte after each. */
  readonly maxBytes: number;
  /** The charge for a request here, as a share of the service's `price`: 0.5 is half. */
  readonly priceShare: number;
  /**
   * A query as a line of a batch, in JSON.
   *
   * @param id - of its reply: 64 hexadecimal digits
   * @throws TeacherError if the teacher can't be asked about such an input
   */
  lineOf(id: string, query: Query): string;
  /**
   * Puts queries into lines with several each, for a teacher that asks about several in one request. A query that no line
   * can hold is left out, and `lineOf` says why.
   *
   * @default absent: each query has a line of its own
   */
  packs?(queries: readonly Query[]): readonly PackedLine[];
  /**
   * Submits a batch. If it rejects, the service may have the batch nevertheless, unless the error has a status below
   * 500.
   *
   * @returns the service's own id of the batch
   */
  submit(batch: NewBatch): Promise<string>;
  /**
   * Looks for a batch that was submitted without its id becoming known.
   *
   * @returns its id, or undefined if the service has no such batch. If the service takes no names for batches, it is
   * the id of the most similar batch, and `collect` tells if it is the right one.
   */
  find(batch: LostBatch): Promise<string | undefined>;
  /** The progress of a batch. */
  poll(id: string): Promise<BatchState>;
  /**
   * The results of the requests of a batch that has ended, in any order. A request without a result was not answered.
   */
  collect(id: string): AsyncIterable<BatchResult>;
  /** Cancels a batch. The results that it has finished by then can be collected. */
  cancel(id: string): Promise<void>;
}

/** A line of a batch about several queries. */
export interface PackedLine {
  /** Indices of its queries. */
  readonly rows: readonly number[];
  /** Kept with its reply, so that `read` can tell the queries apart. */
  readonly headers: Reply['headers'];
  /** As `BatchLane.lineOf`. */
  lineOf(id: string): string;
}

export interface NewBatch {
  /** The caller's name for it, by which it can be found: letters, digits and hyphens, at most 64. */
  readonly name: string;
  /** See `lineOf`. */
  readonly lines: readonly string[];
}

export interface LostBatch {
  readonly name: string;
  /** The ids of its lines. */
  readonly ids: ReadonlySet<string>;
  /** It was not submitted before this time, by the caller's clock. */
  readonly since: Date;
  /** The service's ids of batches that are known to be others. */
  readonly others: ReadonlySet<string>;
}

export interface BatchState {
  readonly isEnded: boolean;
  /** Requests that have an outcome; a guess while it is under way. */
  readonly done: number;
  /** Why the service did nothing of it at all, for example because it could not read it. */
  readonly failure?: Error;
}

/** The result of one request: a reply with status 200, or the error that explains why there is none. */
export type BatchResult = {readonly id: string} & ({readonly reply: Reply} | {readonly error: Error});

/** A service that `limbeck probe` can look at by more than its answers. */
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
  /** Only for a teacher that can be asked about several inputs in one request. */
  readonly packing?: Packing<A> | undefined;
  /** Shorter prompts with the same meaning, the shortest last. @default none */
  readonly shorterPrompts?: readonly ShorterPrompt<A>[] | undefined;
}

/** The same teacher with a shorter prompt. */
export interface ShorterPrompt<A extends Access = Access> {
  /** The options that give it, for people. */
  readonly name: string;
  make(): Teacher<A>;
}

/** How a teacher is asked about several inputs in one request. */
export interface Packing<A extends Access = Access> {
  /** The most inputs in one request; 1 if each is asked about alone. */
  readonly size: number;
  /**
   * The sizes among which a probe chooses, from the smallest. Until one is chosen, each input is asked about alone.
   *
   * @default the size is given
   */
  readonly choices?: readonly number[] | undefined;
  /** The least agreement with answers about inputs alone that a probe must have shown before a run. @default none */
  readonly agreement?: number | undefined;
  /** The same teacher, with other packs. */
  at(size: number): Teacher<A>;
  /**
   * The positions of the queries of a request, in their order, by its reply; undefined if it was about one input.
   *
   * @default unknown
   */
  positionsIn?(reply: Reply): readonly number[] | undefined;
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

/** A service whose provider lists its models, with the day on which each ends if one is announced. */
export interface ListedService<A extends Access = Access> extends Service<A> {
  readonly models?: ModelList;
}

/** A provider's list of models, which is free of charge. */
export interface ModelList {
  /** The address of the list. Services of one account with the same list share one look-up. */
  readonly url: string;
  /**
   * Asks for the list.
   *
   * @throws TeacherError if there is none
   */
  fetch(signal: AbortSignal): Promise<Reply>;
  /**
   * The end of the service's model, in the provider's own form; undefined if none is announced. Never throws.
   *
   * @param reply - a reply with status 200
   */
  endIn(reply: Reply): string | number | undefined;
}

/** A service whose requests can wait for a server that is still loading. */
export interface PatientService<A extends Access = Access> extends Service<A> {
  /** Says, before the first request, how requests wait. */
  waitFor?(patience: Patience): void;
}

/** How requests wait for a server that is still loading. Their failed attempts count for nothing. */
export interface Patience {
  /**
   * Milliseconds.
   *
   * @default as the teacher was made
   */
  readonly wait?: number | undefined;
  /** Receives a sentence when a wait begins. */
  readonly onWait: (note: string) => void;
}

const UNITS = {ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000} as const;

/** Milliseconds of a text such as `90s`, `10m` or `1h`; undefined if it is none. */
export function readDuration(text: string): number | undefined {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*(ms|s|m|min|h)$/.exec(text.trim()) ?? [];
  return digits === undefined ? undefined : Number(digits) * UNITS[unit as keyof typeof UNITS];
}

/** Shows milliseconds as `90 s`, `10 min` or `1.5 h`. */
export function durationText(milliseconds: number): string {
  if (milliseconds < 2 * UNITS.min) return `${Math.ceil(milliseconds / UNITS.s)} s`;
  const [size, unit] = milliseconds < 2 * UNITS.h ? [UNITS.min, 'min'] : [UNITS.h, 'h'];
  return `${Number((milliseconds / size).toFixed(1))} ${unit}`;
}
