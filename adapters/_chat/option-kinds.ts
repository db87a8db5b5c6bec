import {kinds, oneOf, type Shape} from '../../src/options.ts';
import {ALIAS_KINDS} from '../_answers/labels.ts';
import {SERVICE_KINDS} from '../_wire/service.ts';
import type {ChatOptions} from './chat.ts';
import type {ModeOptions} from './modes.ts';
import {PROMPT_KINDS} from './prompt.ts';

/** The kinds of `ChatOptions`. */
export const CHAT_KINDS: Shape<ChatOptions> = {
  ...SERVICE_KINDS,
  ...PROMPT_KINDS,
  model: kinds.text,
  service: kinds.text,
  maxTokens: kinds.number,
  parameters: kinds.object,
};

/** The kinds of `ModeOptions`. */
export const MODE_KINDS: Shape<ModeOptions> = {
  ...ALIAS_KINDS,
  output: oneOf('label', 'confidence', 'log-probabilities'),
  samples: kinds.number,
  structured: kinds.flag,
  topLogprobs: kinds.number,
  logprobsTaken: oneOf('before-temperature', 'after-temperature'),
  temperature: kinds.numberOrNull,
};

const {maxTokens: _, ...WITHOUT_TOKENS} = CHAT_KINDS;
const OF_SERVER = {url: kinds.text, templateOptions: kinds.object};

type ServerOption = 'url' | 'templateOptions';

/** The kinds of options of a server whose answers are scored exactly. */
export const SCORING_KINDS: Shape<Omit<ChatOptions, 'maxTokens'> & Record<ScoringOption, unknown>> = {
  ...WITHOUT_TOKENS,
  ...OF_SERVER,
  output: oneOf('log-probabilities', 'label'),
  template: oneOf('chat', 'none'),
  endsTurn: kinds.flag,
};

type ScoringOption = ServerOption | 'output' | 'template' | 'endsTurn';

/** The kinds of options of such a server that gives labels. */
export const LABEL_KINDS: Shape<ChatOptions & Record<LabelOption, unknown>> = {
  ...CHAT_KINDS,
  ...OF_SERVER,
  output: oneOf('label'),
  structured: kinds.flag,
  temperature: kinds.numberOrNull,
};

type LabelOption = ServerOption | 'output' | 'structured' | 'temperature';
