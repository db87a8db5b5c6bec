import {InputError} from '../../src/errors.ts';
import {kinds, oneOf, type Shape} from '../../src/options.ts';
import {CHAT_KINDS, type ChatOptions} from '../_chat/chat.ts';
import type {Body} from '../_chat/dialect.ts';

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

const {maxTokens: _, ...WITHOUT_TOKENS} = CHAT_KINDS;
const OF_SERVER = {url: kinds.text, templateOptions: kinds.object};

/** The kinds of options of such a server that scores answers. */
export const SCORING_KINDS: Shape<Omit<ServerOptions, 'maxTokens'> & ScoringOptions & {readonly url: string}> = {
  ...WITHOUT_TOKENS,
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
