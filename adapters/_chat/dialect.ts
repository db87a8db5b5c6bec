import type {Said} from '../../src/errors.ts';
import type {BatchLane, TokenKey, TokenScores} from '../../src/service-features.ts';
import type {Access, Detail, Json, Receipt, ShownAnswers} from '../../src/teacher.ts';
import type {Aliases, LabelWords} from '../_answers/labels.ts';
import type {RefusalAdvice} from '../_wire/refusal.ts';
import type {Connection} from '../_wire/request.ts';
import type {LaneEndpoint} from './lane.ts';
import type {Prompt, Prompts, PromptWay} from './prompt.ts';

/** A request's body, or an object in it. */
export interface Body {
  readonly [field: string]: Json;
}

/** The parts of a body other than the prompt. */
export interface Settings {
  readonly model: string;
  readonly maxTokens: number;
  /** The allowed answers, by class. */
  readonly codes: readonly string[];
  /** The schema that constrains the answer; undefined if the answer is free text. */
  readonly schema: Body | undefined;
}

/** The allowed answers and their meaning. */
export interface ChatWords extends LabelWords, Pick<Prompts, 'codes'> {
  /** Indices of classes by alias, folded in the same way as answers. */
  readonly aliased: ReadonlyMap<string, number>;
}

/** The result of reading completions: an answer, or the reason that there is none. */
export type ChatReading<A extends Access> = ShownAnswers[A] | Unanswered;

export interface Unanswered {
  readonly problem: string;
  /** A sentence that shows the label, to follow the others. */
  readonly hint?: string | undefined;
  /** The model's text instead of a class. */
  readonly said?: Said | undefined;
  /** True if the query is to be asked once more. */
  readonly unreadable: boolean;
}

/** A protocol by which one kind of service is asked about one text. */
export interface Dialect<A extends Access> {
  /** The adapter's name. */
  readonly adapter: string;
  /** The provider's own address, and the environment variable of its key. */
  readonly provider: {readonly own: string; readonly variable: string};
  /** The user's address, or the provider's by default. */
  readonly address: string;
  readonly access: A;
  readonly detail: Detail;
  readonly way: PromptWay;
  /** Tokens of a completion beyond those of a code. */
  readonly spareTokens: number;
  /**
   * Completions in one reply.
   *
   * @default 1
   */
  readonly samples?: number;
  /** The kind of the tokens' scores; undefined if none are read. */
  readonly scores?: Omit<TokenScores, 'key'> | undefined;
  /**
   * The property by which the protocol's tokens are distinguished.
   *
   * @default 'bytes'
   */
  readonly tokenKey?: TokenKey;
  /** Returns the schema that constrains an answer. */
  schema?(codes: readonly string[]): Body | undefined;
  /** Aliases, if the output names classes. */
  readonly aliases?: Aliases | undefined;
  /** Returns body fields that set the temperature; absent if the service has no temperature. */
  warmed?(temperature: number): Body;
  readonly authorize?: Connection['authorize'];
  /** True if the service lists its models as OpenAI does. */
  readonly listsModels?: boolean;
  /** Headers that can change an answer, such as a version. */
  readonly headers?: Record<string, string>;
  /** The path of requests, relative to the address. It can hold a query string. */
  readonly path: string;
  body(prompt: Prompt, settings: Settings): Body;
  /** The body fields that bear on the cost. */
  readonly cost: CostFields;
  /** Returns the completions of a reply, at least one, or the reason that there are none. */
  completions(document: unknown): readonly Completion[] | string;
  /** Returns the cost and the model that a reply names. */
  receipt(document: unknown): Receipt;
  /** Reads completions. */
  read(completions: readonly Completion[], words: ChatWords): ChatReading<A>;
  /** Returns what the user should know about completions that were read. */
  note?(completions: readonly Completion[], words: ChatWords): string | undefined;
  /** The version of the reading, with the adapter's options that change it. */
  readonly reader: Json;
  /** What to do about the service's own refusals. */
  readonly refusalAdvice?: RefusalAdvice;
  /** The service's batch lane; absent if it has none. */
  lane?(location: LaneEndpoint): BatchLane;
}

/**
 * The body fields of each protocol that bear on the cost. A field outside these lists can cost anything: a search, a
 * tool, a faster tier, a file.
 *
 * A path names nested objects with dots and covers all that they hold. `name=value` covers that value alone.
 */
export interface CostFields {
  /** Fields that limit the tokens of an answer. */
  readonly limits: readonly string[];
  /** Fields that allow more tokens for thoughts, if the service counts them separately. */
  readonly thoughts?: readonly string[];
  /** Fields that set the number of generated answers. */
  readonly copies?: readonly string[];
  /**
   * The minimum to which the service raises a limit.
   *
   * @default 1
   */
  readonly least?: number;
  /** Fields that cost no more than their bytes. */
  readonly harmless: readonly string[];
}

/** The text that a language model generated for one query, independent of the protocol. */
export interface Completion {
  readonly text: string;
  readonly finish: Finish;
  /** One step per generated token, in order; absent if the reply holds no log-probabilities. */
  readonly steps?: readonly Step[];
}

/** The reason that the generation ended: a natural stop, the token limit, a content filter, or the model's refusal. */
export type Finish = 'stop' | 'length' | 'filtered' | 'refused';

/** One generated token and its alternatives. */
export interface Step {
  /** Undefined if the service lists only the alternatives. */
  readonly chosen: Token | undefined;
  /** The most probable tokens, in any order, with or without the chosen one. */
  readonly alternatives: readonly Token[];
}

export interface Token {
  /** The service's text of the token. It is not a key, because several tokens can have the same text. */
  readonly text: string;
  /** The UTF-8 bytes, if the service gives them. A token can hold part of a character. */
  readonly bytes?: readonly number[];
  readonly id?: number;
  /** Uses the natural logarithm. */
  readonly logProbability: number;
}
