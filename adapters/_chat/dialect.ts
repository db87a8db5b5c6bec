import type {Said} from '../../src/errors.ts';
import type {BatchLane} from '../../src/lane.ts';
import type {TokenKey, TokenScores} from '../../src/service-probe.ts';
import type {Access, Detail, Json, Receipt, ShownAnswers} from '../../src/teacher.ts';
import type {Aliases, LabelWords} from '../_answers/aliases.ts';
import type {Explain} from '../_wire/reply.ts';
import type {Connection} from '../_wire/request.ts';
import type {CostFields} from './cost-fields.ts';
import type {LaneEndpoint} from './lane.ts';
import type {Prompt, Prompts, PromptWay} from './prompt.ts';

/** A request's body, or an object in it. */
export interface Body {
  readonly [field: string]: Json;
}

/** What a body is made of, beside the prompt. */
export interface Settings {
  readonly model: string;
  readonly maxTokens: number;
  /** What may be answered, by class. */
  readonly codes: readonly string[];
}

/** What may be answered, and what each of it means. */
export interface ChatWords extends LabelWords, Pick<Prompts, 'codes'> {
  /** Indices of classes by alias, folded as answers are. */
  readonly aliased: ReadonlyMap<string, number>;
}

/** What completions say: an answer, or why there is none. */
export type ChatReading<A extends Access> = ShownAnswers[A] | Unanswered;

export interface Unanswered {
  readonly problem: string;
  /** A sentence that shows what was said, to follow the others. */
  readonly hint?: string | undefined;
  /** In the place of a class. */
  readonly said?: Said | undefined;
  /** Whether to ask once more. */
  readonly unreadable: boolean;
}

/** One way to ask one kind of service about one text. */
export interface Dialect<A extends Access> {
  /** The adapter's name. */
  readonly adapter: string;
  /** The provider's own address, and the variable that its keys are in. */
  readonly provider: {readonly own: string; readonly variable: string};
  /** The user's address, or the provider's. */
  readonly address: string;
  readonly access: A;
  readonly detail: Detail;
  readonly way: PromptWay;
  /** Tokens that a completion may take beside those of a code. */
  readonly spareTokens: number;
  /**
   * Completions in one reply.
   *
   * @default 1
   */
  readonly samples?: number;
  /** What the scores of tokens are; undefined where none are read. */
  readonly scores?: Omit<TokenScores, 'key'> | undefined;
  /**
   * By what the protocol tells tokens apart.
   *
   * @default 'bytes'
   */
  readonly tokenKey?: TokenKey;
  /** What an answer is made to look like. */
  schema?(codes: readonly string[]): Body | undefined;
  /** Of an output that names classes. */
  readonly aliases?: Aliases | undefined;
  /** Fields of a body that set the temperature; absent where there is none to set. */
  warmed?(temperature: number): Body;
  readonly authorize?: Connection['authorize'];
  /** Headers that can change an answer, such as a version. */
  readonly headers?: Record<string, string>;
  /** Where requests go, relative to the address; a query may follow. */
  readonly path: string;
  body(prompt: Prompt, settings: Settings): Body;
  /** What its bodies say of their cost. */
  readonly cost: CostFields;
  /** The completions that a reply holds, of which there is one at least; or why there are none. */
  completions(document: unknown): readonly Completion[] | string;
  /** What a reply says of its cost and its author. */
  receipt(document: unknown): Receipt;
  /** Reads what completions say. */
  read(completions: readonly Completion[], words: ChatWords): ChatReading<A>;
  /** The version of the reading, and of the adapter's options what changes it. */
  readonly reader: Json;
  readonly explain?: Explain;
  /** The service's batch lane; absent where it has none. */
  lane?(location: LaneEndpoint): BatchLane;
}

/** What a language model generated for one query, whatever protocol brought it. */
export interface Completion {
  readonly text: string;
  readonly finish: Finish;
  /** A step a generated token, in order; absent where the reply holds no log-probabilities. */
  readonly steps?: readonly Step[];
}

/** Why the generation ended: by itself, at the most tokens, by a content filter, or by the model's own refusal. */
export type Finish = 'stop' | 'length' | 'filtered' | 'refused';

/** One generated token and what might have stood in its place. */
export interface Step {
  /** Undefined where the service tells the alternatives alone. */
  readonly chosen: Token | undefined;
  /** The most probable tokens; in any order, with or without the chosen one. */
  readonly alternatives: readonly Token[];
}

export interface Token {
  /** As the service writes it: not a key, since several tokens may be written alike. */
  readonly text: string;
  /** UTF-8, where the service tells; a token may hold part of a character. */
  readonly bytes?: readonly number[];
  readonly id?: number;
  /** Natural. */
  readonly logProbability: number;
}
