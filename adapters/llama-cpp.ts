import {checkOptions, kinds} from '../src/options.ts';
import type {Teacher} from '../src/teacher.ts';
import {CHAT_HINTS} from './_chat/chat.ts';
import type {Body, Settings} from './_chat/dialect.ts';
import type {ModeOptions} from './_chat/modes.ts';
import {CHAT_COMPLETIONS, chatMessages} from './_chat/openai-chat.ts';
import type {Prompt} from './_chat/prompt.ts';
import {checkChatOptions, modeOf, refuseQuestions, type WithQuestions} from './_chat/question-options.ts';
import {languageModel} from './_chat/question-teacher.ts';
import {llamaCppServer} from './_exact/llama-cpp-server.ts';
import {
  LABEL_KINDS,
  NO_THOUGHTS,
  type NotOfScores,
  SCORING_KINDS,
  type ScoringOptions,
  type ServerOptions,
  templateOf,
} from './_exact/server.ts';
import {exactTeacher} from './_exact/teacher.ts';
import type {RefusalAdvice} from './_wire/refusal.ts';
import {checkAddress} from './_wire/request.ts';

interface LlamaCppChatOptions extends ServerOptions {
  /** A server of one model ignores the name, but answers are kept under it. */
  readonly model: string;
  /**
   * Address of the server, with or without `/v1`.
   *
   * @default 'http://127.0.0.1:8080'
   */
  readonly url?: string;
  /**
   * The most queries under way at once. More than one is faster on a server with several slots (`--parallel`), which
   * computes them in one batch. Log-probabilities then move by up to 5e-4 with the other queries of the batch.
   *
   * @default 1: the same query has the same answer to the last bit
   */
  readonly concurrency?: number;
}

export interface LlamaCppLogProbabilitiesOptions extends Omit<LlamaCppChatOptions, NotOfScores>, ScoringOptions {
  /**
   * If true, the server can reuse what it computed for an earlier query, so that instructions at the start of all
   * prompts are computed once. This moves log-probabilities by up to 2e-4.
   *
   * @default false
   */
  readonly reusePrompts?: boolean;
}

interface LlamaCppLabelOptions extends LlamaCppChatOptions, Pick<ModeOptions<'label'>, 'structured' | 'temperature'> {
  readonly output: 'label';
}

const OWN = 'http://127.0.0.1:8080';

/**
 * A language model behind llama.cpp's `llama-server`.
 *
 * It is gray-box: each class gets the exact probability that the model answers its code, with or without a space before
 * it, out of the whole vocabulary. `rest` is the probability of any other answer. With `output: 'label'` it is
 * black-box, and a grammar allows nothing but a class.
 *
 * A GGUF file on this machine needs no server: use `llama`.
 *
 * @throws InputError if the options can't be used
 */
export function llamaCpp(options: LlamaCppLogProbabilitiesOptions): Teacher<'gray-box'>;
export function llamaCpp(options: LlamaCppLabelOptions | WithQuestions<LlamaCppLabelOptions>): Teacher<'black-box'>;
export function llamaCpp(
  options: LlamaCppLogProbabilitiesOptions | LlamaCppLabelOptions | WithQuestions<LlamaCppLabelOptions>,
): Teacher {
  if (options?.output === 'label') {
    checkChatOptions('llamaCpp', options, LABEL_KINDS);
  } else {
    refuseQuestions('llamaCpp', options);
    checkOptions('llamaCpp', options, {...SCORING_KINDS, reusePrompts: kinds.flag}, ['model', 'classes']);
  }
  const address = checkAddress(options.url ?? OWN).replace(/\/v1$/, '');
  const paced = {...options, concurrency: options.concurrency ?? 1};
  return paced.output === 'label' ? labelTeacher(paced, address) : scoringTeacher(paced, address);
}

function scoringTeacher(options: LlamaCppLogProbabilitiesOptions, address: string): Teacher<'gray-box'> {
  const {model, reusePrompts = false, parameters} = options;
  const {template, endsTurn, templateOptions, identity} = templateOf(options);
  return exactTeacher(options, {
    adapter: 'llama-cpp',
    own: OWN,
    address,
    endsTurn,
    identity: {...identity, reusesPrompts: reusePrompts, ...(parameters && {parameters})},
    open: (post, connection) =>
      llamaCppServer(post, {connection, address, model, template, templateOptions, reusePrompts, parameters}),
    refusalAdvice: advice,
    advice: 'Check that `url` is that of a llama-server, of 2025 or later.',
  });
}

function labelTeacher(
  options: LlamaCppLabelOptions | WithQuestions<LlamaCppLabelOptions>,
  address: string,
): Teacher<'black-box'> {
  const {structured = true, templateOptions = NO_THOUGHTS} = options;
  const mode = modeOf(options);
  const {temperature} = mode;
  return languageModel(options, {
    ...mode,
    adapter: 'llama-cpp',
    provider: {own: OWN, variable: 'LIMBECK_TEACHER_KEY'},
    address,
    path: '/v1/chat/completions',
    ...CHAT_COMPLETIONS,
    refusalAdvice: advice,
    // The grammar allows bare codes, without JSON around them.
    schema: () => undefined,
    body(prompt: Prompt, {model, maxTokens, codes, schema}: Settings): Body {
      return {
        model,
        messages: chatMessages(prompt),
        max_tokens: maxTokens,
        ...(temperature !== null && {temperature}),
        ...(structured && constraint(codes, schema)),
        cache_prompt: false,
        chat_template_kwargs: templateOptions,
      };
    },
  });
}

function constraint(codes: readonly string[], schema: Body | undefined): Body {
  if (schema === undefined) return {grammar: grammarOf(codes)};
  return {response_format: {type: 'json_schema', json_schema: {name: 'answer', strict: true, schema}}};
}

/** Returns the grammar in GBNF, whose strings are written like those of JSON. */
function grammarOf(codes: readonly string[]): string {
  return `root ::= ${codes.map(code => JSON.stringify(code)).join(' | ')}`;
}

/** The meaning of a llama-server's refusals that the status alone does not give. */
const advice: RefusalAdvice = {
  byCode: {
    exceed_context_size_error:
      'The text and its prompt take more tokens than there is room for. Start the server with a larger `--ctx-size`, which ' +
      'its slots share, or shorten the text.',
    unavailable_error: 'It still loads its model.',
    not_found_error: 'It does not have the route. Check that `url` is that of a llama-server.',
    authentication_error: 'It refuses the key, or asks for one. Set LIMBECK_TEACHER_KEY or pass `key`.',
    invalid_request_error:
      "It does not take the request. Perhaps the model has no chat template (`template: 'none'`), or " +
      'one that knows no system message (give the whole `prompt` as `user`).',
  },
  byWords: CHAT_HINTS,
  byStatus: {
    404: 'It does not have the route. Check that `url` is that of a llama-server.',
    501: {problem: 'It can not do that as it was started: its own log says why.', retryable: false},
  },
};
