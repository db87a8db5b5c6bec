import {InputError} from '../../src/errors.ts';
import {kinds, oneOf, type Shape} from '../../src/options.ts';
import type {Reply, Usage} from '../../src/teacher.ts';
import {CHAT_KINDS, type ChatOptions} from '../_chat/chat.ts';
import type {Body} from '../_chat/dialect.ts';
import type {PackOptions} from '../_chat/pack.ts';
import type {Prompt} from '../_chat/prompt.ts';
import type {TokenTrie} from './label-trie.ts';

/** A server that shows its tokenizer and takes prompts as tokens. Each method can reject with a `Refused`. */
export interface ExactServer {
  /** The fields of every request for log-probabilities other than its prompts. */
  readonly shared: Body;
  /** Returns the tokens of a text within an answer. */
  tokensOf(text: string): Promise<readonly number[]>;
  /** Returns the tokens of the prompt about a text, up to the start of its answer. */
  promptTokens(promptFor: (text: string) => Prompt, text: string, signal?: AbortSignal): Promise<readonly number[]>;
  /** Returns the tokens of a conversation that went on after an answer. Only for chats. */
  answeredTokens(prompt: Prompt, answer: string): Promise<readonly number[]>;
  /** Returns tokens that end a turn, other than the chat template's. */
  otherEnds(): Promise<readonly number[]>;
  /** Returns the known log-probabilities of the tokens after each node, given the prompt. */
  tell(query: TokenQuery, signal?: AbortSignal): Promise<Telling>;
}

export interface TokenQuery {
  readonly prompt: readonly number[];
  readonly trie: TokenTrie;
  /** Counts the usage of each request. A request is counted before another one can fail. */
  readonly tally: Tally;
}

/** The natural log-probabilities that a server gave for the tokens after one node, by token id. */
export type ToldTokens = Readonly<Record<string, number>>;

export interface Telling {
  /** In the order of the nodes. Unknown values are missing. */
  readonly told: readonly ToldTokens[];
  readonly model?: string | undefined;
  readonly fingerprint?: string | undefined;
}

/** The prompt for a model without a chat template. */
export function plainly({system, user}: Prompt): string {
  return system === undefined ? user : `${system}\n\n${user}`;
}

/** Posts to a path and parses the reply; rejects with a `Refused` if its status is not 200. */
export type Post = (path: string, body: object, signal?: AbortSignal) => Promise<unknown>;

/** A reply that ends a query and is kept instead of all others. */
export class Refused extends Error {
  readonly reply: Reply;

  constructor(reply: Reply) {
    super(`The server answered ${reply.status}.`);
    this.name = 'Refused';
    this.reply = reply;
  }
}

/** Returns the given tokens that matter: the asked ones, and the most probable, by which logits are detected. */
export function toldOf(
  found: Iterable<readonly [token: number, logProbability: number]>,
  asked: readonly number[],
): ToldTokens {
  const told: Record<string, number> = {};
  const wanted = new Set(asked);
  let most: readonly [number, number] | undefined;
  for (const entry of found) {
    const [token, logProbability] = entry;
    if (wanted.has(token)) told[token] = logProbability;
    if (most === undefined || logProbability > most[1]) most = entry;
  }
  return most === undefined ? told : {...told, [most[0]]: most[1]};
}

/** The usage in one reply. A count that the reply leaves out is undefined. */
type GivenUsage = {readonly [kind in keyof Usage]?: number | undefined};

/** The usage of the requests about one query. */
export class Tally {
  readonly #usages: GivenUsage[] = [];

  add(usage: GivenUsage): void {
    this.#usages.push(usage);
  }

  get isEmpty(): boolean {
    return this.#usages.length === 0;
  }

  /** Undefined if one of the replies doesn't give it. */
  get total(): Usage | undefined {
    let [inputs, outputs] = [0, 0];
    for (const {inputTokens, outputTokens} of this.#usages) {
      if (inputTokens === undefined || outputTokens === undefined) return undefined;
      [inputs, outputs] = [inputs + inputTokens, outputs + outputTokens];
    }
    return {inputTokens: inputs, outputTokens: outputs};
  }
}

/** True if the server gave all values that it was asked for. */
export function isWhole({told}: Pick<Telling, 'told'>, {nodes}: TokenTrie): boolean {
  return nodes.every(({children}, index) => children.every(token => told[index]?.[token] !== undefined));
}

/** Options of every adapter of a server that can score answers exactly. */
export interface ServerOptions extends ChatOptions {
  /**
   * Values for the model's chat template.
   *
   * @default {enable_thinking: false}: the answer is read from the first token, and a model that thinks would think
   *   there
   */
  readonly templateOptions?: Body;
}

/** How such a server scores answers. */
export interface ScoringOptions {
  /** @default 'log-probabilities' */
  readonly output?: 'log-probabilities';
  /**
   * How the prompt becomes the text that the model reads: by its chat template, or unchanged for a model that was not
   * trained on chats.
   *
   * @default 'chat'
   */
  readonly template?: 'chat' | 'none';
  /**
   * If true, an answer counts only if the model ends its turn after it. If false, no code may begin another code, and
   * codes of one token, such as letters, cost no more than the prompt.
   *
   * @default true with a chat template, else false
   */
  readonly endsTurn?: boolean;
}

const {maxTokens: _, pack: __, packMatters: ___, packAgreement: ____, ...SCORING_CHAT_KINDS} = CHAT_KINDS;

/** Scores are of one input, and nothing is generated for them. */
export type NotOfScores = 'maxTokens' | keyof PackOptions;

const OF_SERVER = {url: kinds.text, templateOptions: kinds.object};

/** The kinds of options of such a server that scores answers. */
export const SCORING_KINDS: Shape<Omit<ServerOptions, NotOfScores> & ScoringOptions & {readonly url: string}> = {
  ...SCORING_CHAT_KINDS,
  ...OF_SERVER,
  output: oneOf('log-probabilities', 'label'),
  template: oneOf('chat', 'none'),
  endsTurn: kinds.flag,
};

/** The kinds of options of such a server that gives labels. */
export const LABEL_KINDS: Shape<ServerOptions & Record<'url' | 'output' | 'structured' | 'temperature', unknown>> = {
  ...CHAT_KINDS,
  ...OF_SERVER,
  output: oneOf('label'),
  structured: kinds.flag,
  temperature: kinds.numberOrNull,
};

/** Turns thinking off, because the answer is read from the first token. */
export const NO_THOUGHTS: Body = {enable_thinking: false};

/** The options of the template, and the part of the identity that holds them. */
interface Templating extends Required<Pick<ScoringOptions, 'template' | 'endsTurn'>> {
  readonly templateOptions: Body;
  readonly identity: Body;
}

/** Returns the options of the template with their defaults. @throws InputError if they contradict each other */
export function templateOf({
  template = 'chat',
  endsTurn = template === 'chat',
  templateOptions = NO_THOUGHTS,
}: ScoringOptions & Pick<ServerOptions, 'templateOptions'>): Templating {
  if (endsTurn && template === 'none') {
    throw new InputError('Without a chat template there is no turn to end. Leave `endsTurn` out.');
  }
  const identity = template === 'chat' ? {template, templateOptions} : {template};
  return {template, endsTurn, templateOptions, identity};
}
