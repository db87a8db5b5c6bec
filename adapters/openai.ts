import type {Teacher} from '../src/teacher.ts';
import {type ChatOptions, chatTeacher} from './_chat/chat.ts';
import {CHAT_COST, RESPONSES_COST} from './_chat/cost-fields.ts';
import type {Body, Settings} from './_chat/dialect.ts';
import {type AccessOf, type Mode, type ModeOptions, modeFor, type Output} from './_chat/modes.ts';
import {openAiLane} from './_chat/openai-batch.ts';
import {chatCompletions, chatMessages, chatReceipt} from './_chat/openai-chat.ts';
import {explainOpenAi} from './_chat/openai-errors.ts';
import {responseCompletions, responseReceipt} from './_chat/openai-responses.ts';
import type {Prompt} from './_chat/prompt.ts';
import {checkAddress} from './_wire/request.ts';

export interface OpenAiOptions<O extends Output> extends ChatOptions, ModeOptions<O> {
  /**
   * Address of the service, up to where the paths of its protocol begin: for most it ends in `/v1`, for a deployment of
   * Azure in `/openai/deployments/NAME`. The key of OPENAI_API_KEY goes to OpenAI alone.
   *
   * @default 'https://api.openai.com/v1'
   */
  readonly url?: string;
  /**
   * Which of its two protocols is spoken: chat completions, which all services speak, or Responses.
   *
   * @default 'chat'
   */
  readonly api?: 'chat' | 'responses';
  /**
   * Version of Azure's interface, such as `2024-10-21`. With one, the key is sent as Azure wants it.
   *
   * @default none
   */
  readonly apiVersion?: string;
}

const OPENAI = 'https://api.openai.com/v1';

/**
 * A language model of OpenAI or of any service that speaks its protocol: Azure, vLLM, SGLang, llama.cpp, Ollama, LM
 * Studio, LiteLLM, OpenRouter, Mistral, Groq, Together. Log-probabilities make it gray-box, labels black-box.
 *
 * @throws InputError where the options can't be used
 */
export function openai<O extends Output>(options: OpenAiOptions<O>): Teacher<AccessOf<O>> {
  const {api = 'chat', apiVersion} = options;
  const address = checkAddress(options.url ?? OPENAI);
  const mode = modeFor(options, options.classes);
  const isOwn = address === OPENAI || apiVersion !== undefined;
  const query = apiVersion === undefined ? '' : `?api-version=${encodeURIComponent(apiVersion)}`;
  const protocol = api === 'chat' ? chatProtocol(mode, isOwn) : responsesProtocol(mode);
  return chatTeacher(options, {
    ...mode,
    ...protocol,
    adapter: 'openai',
    provider: {own: OPENAI, variable: 'OPENAI_API_KEY'},
    address,
    path: `${protocol.path}${query}`,
    explain: explainOpenAi,
    warmed: temperature => ({temperature}),
    ...(apiVersion === undefined
      ? {lane: place => openAiLane(place)}
      : // Azure's batches are of a deployment of their own kind.
        {authorize: key => ({'api-key': key})}),
  });
}

/** @param isOwn - whether OpenAI's own models are asked, of which some know no `max_tokens`, and other servers no other */
function chatProtocol({temperature, topLogprobs, samples, schema}: Mode, isOwn: boolean) {
  return {
    path: '/chat/completions',
    completions: chatCompletions,
    receipt: chatReceipt,
    cost: CHAT_COST,
    body(prompt: Prompt, {model, maxTokens, codes}: Settings): Body {
      const wanted = schema(codes);
      return {
        model,
        messages: chatMessages(prompt),
        [isOwn ? 'max_completion_tokens' : 'max_tokens']: maxTokens,
        ...(temperature !== null && {temperature}),
        ...(topLogprobs !== undefined && {logprobs: true, top_logprobs: topLogprobs}),
        ...(samples > 1 && {n: samples}),
        ...(wanted && {
          response_format: {type: 'json_schema', json_schema: {name: 'answer', strict: true, schema: wanted}},
        }),
      };
    },
  };
}

/** The least that Responses take for `max_output_tokens`. */
const LEAST_TOKENS = 16;

function responsesProtocol({temperature, topLogprobs, schema}: Mode) {
  return {
    path: '/responses',
    completions: responseCompletions,
    receipt: responseReceipt,
    cost: RESPONSES_COST,
    body({system, user}: Prompt, {model, maxTokens, codes}: Settings): Body {
      const wanted = schema(codes);
      return {
        model,
        ...(system !== undefined && {instructions: system}),
        input: user,
        max_output_tokens: Math.max(LEAST_TOKENS, maxTokens),
        store: false,
        ...(temperature !== null && {temperature}),
        ...(topLogprobs !== undefined && {include: ['message.output_text.logprobs'], top_logprobs: topLogprobs}),
        ...(wanted && {text: {format: {type: 'json_schema', name: 'answer', strict: true, schema: wanted}}}),
      };
    },
  };
}
