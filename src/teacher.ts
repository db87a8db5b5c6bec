/**
 * The contract: what a teacher is, what it is asked and what it answers. Types only; imports nothing.
 *
 * A teacher says who it is (`identity`), how much of it can be seen (`access`), the fullest detail it gives, and its
 * limits as plain fields. One method asks it. Layers (cache, batches, retries, a degrader) are functions from teacher
 * to teacher, so each is tested alone and their order shows if they are put together.
 */

/** How much of a teacher can be seen, from the least to the most. */
export type Access = 'black-box' | 'gray-box' | 'white-box';

/** One input as its owner holds it: raw, before any model's own preprocessing. */
export type Input = TensorInput | TextInput;

export interface TensorInput {
  readonly kind: 'tensor';
  readonly dtype: 'uint8' | 'int32' | 'float32';
  /** Shape of one example, without a batch dimension. */
  readonly shape: readonly number[];
  /** Row-major values; its length is the product of `shape`. */
  readonly data: Uint8Array | Int32Array | Float32Array;
}

export interface TextInput {
  readonly kind: 'text';
  readonly text: string;
}

export interface Query {
  readonly input: Input;
  /** Seed of the augmented version that `input` already is. @default 0, the clean input */
  readonly view?: number;
  /**
   * Which of several askings of one input this is, for teachers that sample.
   *
   * @default 0
   */
  readonly sample?: number;
}

export type Question = Query;

/**
 * How much an answer holds, ordered: label < votes < top-k < log-probabilities < logits. A fuller answer can always be
 * coarsened to a poorer one, never the reverse.
 */
export type Detail =
  | {readonly kind: 'label'}
  | {readonly kind: 'votes'}
  /** The k most probable classes. */
  | {readonly kind: 'top-k'; readonly k: number}
  | {readonly kind: 'log-probabilities'}
  /** Logits and, of a white-box teacher, the named features. */
  | {readonly kind: 'logits'; readonly features?: readonly string[]};

export type Answer = LabelAnswer | VotesAnswer | TopKAnswer | LogProbabilitiesAnswer | LogitsAnswer;

export interface LabelAnswer {
  readonly kind: 'label';
  /** Index into the teacher's `classes`. */
  readonly label: number;
}

export interface VotesAnswer {
  readonly kind: 'votes';
  /** How often each class was answered; one entry a class. */
  readonly counts: Uint32Array;
}

export interface TopKAnswer {
  readonly kind: 'top-k';
  /** Indices into `classes`, the most probable first. */
  readonly classes: Int32Array;
  /** Natural log-probabilities in the order of `classes`. */
  readonly logProbabilities: Float32Array;
  /** Probability mass of the classes not named, from 0 to 1. Kept, never renormalised away in silence. */
  readonly rest: number;
}

export interface LogProbabilitiesAnswer {
  readonly kind: 'log-probabilities';
  /** Natural log-probabilities, one a class. */
  readonly logProbabilities: Float32Array;
}

export interface LogitsAnswer {
  readonly kind: 'logits';
  /** One a class, unnormalised. */
  readonly logits: Float32Array;
  /** Activations of named layers; empty unless they were asked for. */
  readonly features: Readonly<Record<string, Feature>>;
}

/** The activation of one layer for one input. */
export interface Feature {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** What a service of each level of access may answer. */
export interface ShownAnswers {
  'black-box': LabelAnswer | VotesAnswer;
  'gray-box': TopKAnswer | LogProbabilitiesAnswer | LogitsAnswer;
  'white-box': LogitsAnswer;
}

/** A black box that is made of others may estimate log-probabilities. */
export type AnswerOf<A extends Access> = ShownAnswers[A] | (A extends 'black-box' ? LogProbabilitiesAnswer : never);

/** What became of one query. A failed one never fails its neighbours. */
export type Outcome<A extends Access = Access> = {readonly answer: AnswerOf<A>} | {readonly error: Error};

/** What a reply of a service says about one query. */
export type ReadOutcome<A extends Access = Access> = {readonly answer: ShownAnswers[A]} | {readonly error: Error};

export interface AskOptions {
  /**
   * The least that each answer must hold; a teacher may answer more.
   *
   * @default the teacher's `detail`, without its features
   */
  readonly detail?: Detail;
  readonly signal?: AbortSignal;
  /**
   * Through which a teacher sends every request that may be charged: it waits its turn there, is counted, and its reply
   * is kept before it is read.
   *
   * @default sends at once
   */
  readonly exchange?: Exchange;
}

/**
 * Sends one request of an `ask` call.
 *
 * @param rows - places, in the call, of the queries that the request is about
 * @param send - sends it, and rejects only if no reply came
 * @returns the reply, whatever its status; rejects with the error of `send`, or if the request may not go out
 */
export type Exchange = (rows: readonly number[], send: () => Promise<Reply>) => Promise<Reply>;

/** What a service sent back, as it came. */
export interface Reply {
  /** Of HTTP. */
  readonly status: number;
  /** By name in lower case. */
  readonly headers: {readonly [name: string]: string | readonly string[] | undefined};
  /** As text; of bytes (`application/octet-stream`) in base64. */
  readonly body: string;
  /** Of a refusal after other requests for the same answer: what those used. Undefined: nothing. */
  readonly used?: Usage;
}

/** What the layers need to know of a teacher that asks a service and is charged for it. */
export interface Service<A extends Access = Access> {
  /**
   * Provider, account and endpoint, for example `https://api.example.com 3f2a`. Teachers with the same one share its
   * rate limits. Of a key it holds a digest at most.
   */
  readonly account: string;
  /**
   * Names all about `read` that can change an answer: its version, and its options, such as which tokens count for a
   * class. An answer that another reader made is read again from its kept reply instead of asked for: what stands here
   * and not in `identity` can be changed for free.
   */
  readonly reader: Json;
  /**
   * Reads a reply with status 200: an outcome for each of its `count` queries, in order. Pure, so that a kept reply
   * can be read again, by a better version, without asking.
   *
   * @throws TeacherError, `unreadable`, where the reply as a whole can't be read
   */
  read(reply: Reply, count: number, detail: Detail): readonly ReadOutcome<A>[];
  /** What a reply says of its cost and its author. Never throws. */
  receipt?(reply: Reply): Receipt;
  /** The most tokens that a request about these queries can use, by its body. Undefined if none are counted. */
  worstCase?(queries: readonly Query[]): Usage;
  /** Undefined if `worstCase` and `price` say the most that a request costs. */
  readonly unbounded?: Unbounded;
  /** The most that the account may do, where the service's own headers don't tell. */
  readonly rate?: Rate;
  /** Undefined if it isn't known: then there is no budget of money. */
  readonly price?: Price;
}

/** Undefined: as many as the service takes. */
export interface Rate {
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
}

/** A cost that nobody can tell beforehand; `problem` says why and what to do. Budgets that it could pass are refused. */
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
  /** Left out if the reply doesn't say all of it: then the worst case counts. */
  readonly usage?: Usage;
  /** The model that answered, which may be another one than was asked for. */
  readonly model?: string;
  /** What the service calls the state of its model, for example `system_fingerprint`. */
  readonly fingerprint?: string;
}

/** In US dollars; what is left out is 0. */
export interface Price {
  readonly perCall?: number;
  readonly perMillionInputTokens?: number;
  readonly perMillionOutputTokens?: number;
}

/**
 * How a teacher is made of others. The layers go around each part instead of around the whole, so that every answer of
 * a part is kept by itself, and the whole is made of kept answers again for free.
 */
export interface Parts<A extends Access = Access> {
  readonly teachers: readonly Part[];
  /**
   * The same teacher made of others, in the order of `teachers`: the parts with layers around them, which take any number
   * of queries.
   */
  compose(teachers: readonly Teacher[]): Teacher<A>;
}

/** One of the teachers that another one is made of, and what that one asks it. */
export interface Part {
  readonly teacher: Teacher;
  /**
   * The least that each of its answers must hold, whatever less the whole is asked for.
   *
   * @default the part's `detail`, without its features
   */
  readonly detail?: Detail;
  /**
   * How often it is asked about one query at most: of a query's `sample` s these are its samples n·s to n·s + n − 1.
   *
   * @default 1
   */
  readonly samples?: number;
  /**
   * How many of these samples, from the first, it is asked for whatever is answered; 0: about some queries only.
   *
   * @default all
   */
  readonly least?: number;
  /** How a sample is put to it, where that isn't as it is: as a view, or in other words; the same each time. */
  put?(query: Query): Query | Promise<Query>;
  /** The most queries about other inputs that its answers about one lead to, as in a search; 0 if undefined. */
  readonly further?: number;
  /** What it is asked about once, before all else, whatever the whole is asked about; nothing if undefined. */
  readonly beforehand?: readonly Query[];
}

/** A value that JSON can hold, for identities. */
export type Json = string | number | boolean | null | readonly Json[] | {readonly [key: string]: Json};

export interface Teacher<A extends Access = Access> {
  /** How messages call it, for example `open-inference mnist at http://127.0.0.1:8080`. Never holds a key. */
  readonly name: string;
  /**
   * Everything that can change an answer: the service or the weights' hash, the model and its version, the prompt.
   * Part of every cache key, so it holds no secrets and nothing that leaves answers alone, such as a time limit.
   */
  readonly identity: {readonly [key: string]: Json};
  readonly access: A;
  /** Names of the classes, in the order of every answer's indices. */
  readonly classes: readonly string[];
  /** The fullest detail that it gives; of a white-box teacher with the names of all its features. */
  readonly detail: Detail;
  /** The most queries one `ask` may carry. */
  readonly maxBatch: number;
  /**
   * How many `ask` calls may be under way at once.
   *
   * @default 1
   */
  readonly concurrency?: number;
  /** Of a teacher that asks a service; undefined of one that answers in this process. */
  readonly service?: Service<A>;
  /**
   * Of a teacher that is made of others, which then has no `service`. Whoever puts another `ask` in its place leaves
   * `parts` out: with its layers around it, it is asked by way of them.
   */
  readonly parts?: Parts<A>;
  /**
   * Answers each query, in order. Throws only if no query can be answered (no connection, a refused key, an
   * abort); what is wrong with one input alone is that query's `error`.
   */
  ask(queries: readonly Query[], options?: AskOptions): Promise<readonly Outcome<A>[]>;
}
