import type {
  Detail,
  ExpectedAnswer,
  LabelAnswer,
  LogitsAnswer,
  LogProbabilitiesAnswer,
  TopKAnswer,
  VectorAnswer,
  VotesAnswer,
} from './answer.ts';
import type {Input} from './input.ts';
import type {Question, Questions} from './question.ts';
import type {Price, Rate, Receipt, Unbounded, Usage} from './usage.ts';

export type * from './answer.ts';
export type * from './input.ts';
export type * from './usage.ts';

/**
 * The contract: what a teacher is, what it is asked and what it answers. Types only.
 *
 * A teacher says who it is (`identity`), how much of it can be seen (`access`), the fullest detail it gives, and its
 * limits as plain fields. One method asks it. Layers (cache, batches, retries, a degrader) are functions from teacher
 * to teacher, so each is tested alone and their order shows when they are combined.
 */

/** How much of a teacher can be seen, from the least to the most. */
export type Access = 'black-box' | 'gray-box' | 'white-box';

export interface Query {
  readonly input: Input;
  /** One of the teacher's `questions`, if it has any. @default the choice among the teacher's `classes` */
  readonly question?: Question | undefined;
  /**
   * All questions of its request, in order, its own among them, for a teacher whose questions influence each other
   * (`Questions.areDependent`). The request carries all of them, and they are part of the key.
   *
   * @default its own alone; for other teachers any that are asked with it
   */
  readonly together?: readonly Question[] | undefined;
  /** Seed of the augmented version that `input` already is. @default 0, the clean input */
  readonly view?: number;
  /** The number of this sample of the input, for teachers that sample. @default 0 */
  readonly sample?: number;
}

/** The answers that a service of each level of access may give. */
export interface ShownAnswers {
  'black-box': LabelAnswer | VotesAnswer;
  'gray-box': ExpectedAnswer | TopKAnswer | LogProbabilitiesAnswer | LogitsAnswer | VectorAnswer;
  'white-box': LogitsAnswer;
}

/** A black-box teacher that is composed of others may estimate log-probabilities. */
export type AnswerOf<A extends Access> = ShownAnswers[A] | (A extends 'black-box' ? LogProbabilitiesAnswer : never);

/** The outcome of one query. A failed query never fails its neighbours. */
export type Outcome<A extends Access = Access> = {readonly answer: AnswerOf<A>} | {readonly error: Error};

/** The outcome of one query by a service's reply. */
export type ReadOutcome<A extends Access = Access> = {readonly answer: ShownAnswers[A]} | {readonly error: Error};

export interface AskOptions {
  /**
   * The least that each answer must hold; a teacher may answer more.
   *
   * @default the teacher's `detail`, without its features
   */
  readonly detail?: Detail | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * A teacher sends every request that can be charged through this. The request waits for admission there and is
   * counted, and its reply is kept before it is read.
   *
   * @default sends at once
   */
  readonly exchange?: Exchange | undefined;
}

/**
 * Sends one request of an `ask` call.
 *
 * @param rows - indices, in the call, of the queries that the request is about
 * @param send - sends it, and rejects only if no reply came
 * @returns the reply, whatever its status; rejects with the error of `send`, or if the request may not go out
 */
export type Exchange = (rows: readonly number[], send: () => Promise<Reply>) => Promise<Reply>;

/** A service's reply, as it came. */
export interface Reply {
  /** The HTTP status. */
  readonly status: number;
  /** By name in lower case. */
  readonly headers: {readonly [name: string]: string | readonly string[] | undefined};
  /** As text; bytes (`application/octet-stream`) in base64. */
  readonly body: string;
  /** If other requests for the same answer came before a refusal, the tokens that they used. Undefined: none. */
  readonly used?: Usage;
}

/** The facts that the layers need about a teacher that asks a paid service. */
export interface Service<A extends Access = Access> {
  /**
   * Provider, account and endpoint, for example `https://api.example.com 3f2a`. Teachers with the same account share
   * its rate limits. It holds at most a digest of a key.
   */
  readonly account: string;
  /**
   * Names everything about `read` that can change an answer: its version, and its options, such as which tokens count
   * for a class. An answer of another reader is read again from its kept reply instead of being asked for. A property
   * that is here and not in `identity` can be changed for free.
   */
  readonly reader: Json;
  /**
   * Reads a reply with status 200: an outcome for each of its `count` queries, in order. Pure, so that a kept reply can
   * be read again, by a better version, without asking.
   *
   * @param questions - of each query, for a teacher that has some; undefined: nobody needs the outcome of that query
   * @throws TeacherError, `unreadable`, if the reply as a whole can't be read
   */
  read(
    reply: Reply,
    count: number,
    detail: Detail,
    questions?: readonly (Question | undefined)[],
  ): readonly ReadOutcome<A>[];
  /** The index of the class that a text means; logs are read by it. @default by the class names */
  labelOf?(text: string): number | undefined;
  /** The error for a reply with another status. Never throws. @default messages name the status alone */
  refusal?(reply: Reply, inputs: readonly Input[]): Error;
  /** The cost and the author that a reply reports. Never throws. */
  receipt?(reply: Reply): Receipt;
  /** A note to the user about a reply with status 200; asked for until there is one. Never throws. */
  note?(reply: Reply): string | undefined;
  /**
   * The most tokens that a request about these queries can use, by its body; undefined if there is no known bound, as for
   * some images. Absent if no tokens are counted.
   */
  worstCase?(queries: readonly Query[]): Usage | undefined;
  /** The fewest tokens that such a request can use. @default one in and one out for each query */
  leastCase?(queries: readonly Query[]): Usage;
  /** Undefined if `worstCase` and `price` give the highest cost of a request. */
  readonly unbounded?: Unbounded | undefined;
  /**
   * True if all requests share a prompt that is long enough for the service's prompt cache. The first request then goes
   * alone, and fills the cache for the others.
   *
   * @default false
   */
  readonly fillsPromptCache?: boolean | undefined;
  /** The most that the account may do, if the service's own headers don't tell. */
  readonly rate?: Rate | undefined;
  /** Undefined if it isn't known: then a budget in dollars is impossible. */
  readonly price?: Price | undefined;
}

/**
 * How a teacher is composed of others. The layers go around each part instead of around the whole, so that every answer
 * of a part is kept by itself, and the whole can be made from kept answers again for free.
 */
export interface Parts<A extends Access = Access> {
  readonly teachers: readonly Part[];
  /**
   * The same teacher with other parts, in the order of `teachers`: the parts with layers around them, which take any
   * number of queries.
   */
  compose(teachers: readonly Teacher[]): Teacher<A>;
}

/** One of the teachers that another one is composed of, and what that one asks it. */
export interface Part {
  readonly teacher: Teacher;
  /**
   * The least that each of its answers must hold, even if the whole is asked for less.
   *
   * @default the part's `detail`, without its features
   */
  readonly detail?: Detail;
  /**
   * True if it is asked for as much as the whole, when that is more than `detail`, such as features.
   *
   * @default false
   */
  readonly followsWhole?: boolean;
  /**
   * The most samples that it is asked of one query: sample s of a query becomes its samples n·s to n·s + n − 1.
   *
   * @default 1
   */
  readonly samples?: number;
  /**
   * How many of these samples, from the first, are always asked; 0: none, the part is asked about some queries only.
   *
   * @default all
   */
  readonly least?: number;
  /** Makes the query of a sample, if it differs from the original: a view, or other words; the same each time. */
  put?(query: Query): Query | Promise<Query>;
  /** The most queries about other inputs that its answers about one lead to, as in a search; 0 if undefined. */
  readonly further?: number;
  /** Queries that it is asked once, before all others; none if undefined. */
  readonly beforehand?: readonly Query[];
}

/** A value that JSON can hold, for identities. */
export type Json = string | number | boolean | null | readonly Json[] | {readonly [key: string]: Json};

export interface Teacher<A extends Access = Access> {
  /** Its name in messages, for example `open-inference mnist at http://127.0.0.1:8080`. Never holds a key. */
  readonly name: string;
  /**
   * Everything that can change an answer: the service or the weights' hash, the model and its version, the prompt. Part
   * of every cache key, so it holds no secrets, and nothing that doesn't affect answers, such as a time limit.
   */
  readonly identity: {readonly [key: string]: Json};
  readonly access: A;
  /**
   * Names of the classes, in the order of every answer's indices; none if the teacher has `questions`, or gives vectors.
   */
  readonly classes: readonly string[];
  /** For a teacher that answers several questions about an input. Every query names one of them. */
  readonly questions?: Questions | undefined;
  /** The fullest detail that it gives; for a white-box teacher with the names of all its features. */
  readonly detail: Detail;
  /** By question, the detail of every answer to it, whatever a call asks for. @default `detail`, or what a call asks for */
  readonly details?: {readonly [question: string]: Detail} | undefined;
  /** The most queries one `ask` may carry; queries with questions about one input count as one. */
  readonly maxBatch: number;
  /** How many `ask` calls may be under way at once. @default 1 */
  readonly concurrency?: number | undefined;
  /** For a teacher that asks a service; undefined if it answers in this process. */
  readonly service?: Service<A> | undefined;
  /**
   * For a teacher that is composed of others, which then has no `service`. A wrapper that replaces `ask` must leave
   * `parts` out, because the layers ask a teacher with `parts` through its parts.
   */
  readonly parts?: Parts<A> | undefined;
  /**
   * Answers each query, in order. Throws only if no query can be answered (no connection, a refused key, an abort). A
   * problem with one input alone is that query's `error`.
   */
  ask(queries: readonly Query[], options?: AskOptions): Promise<readonly Outcome<A>[]>;
}
