import {z} from 'zod';
import {dataUrl} from '../src/input-kinds.ts';
import {kinds, oneOf, type Shape} from '../src/options.ts';
import type {Access, EncodedImage, Json, Receipt, Teacher} from '../src/teacher.ts';
import type {Writer} from '../src/writer.ts';
import {ALL_HINTS, CHAT_KINDS, type ChatOptions} from './_chat/chat.ts';
import {RESPONSES_COST} from './_chat/cost.ts';
import type {Body, Completion, Dialect, Finish, Settings} from './_chat/dialect.ts';
import {type AccessOf, MODE_KINDS, type Mode, type ModeOptions, type Output} from './_chat/modes.ts';
import {openAiLane} from './_chat/openai-batch.ts';
import {CHAT_COMPLETIONS, chatMessages, stepOf, stepSchema} from './_chat/openai-chat.ts';
import type {Prompt} from './_chat/prompt.ts';
import {checkChatOptions, modeOf, type WithQuestions} from './_chat/question-options.ts';
import {languageModel} from './_chat/question-teacher.ts';
import {chatWriter, type WriterOf, writes} from './_chat/writer.ts';
import {distillableFields, OPEN_ROUTER_KINDS, type OpenRouterOptions} from './_wire/open-router.ts';
import type {RefusalAdvice} from './_wire/refusal.ts';
import {checkAddress} from './_wire/request.ts';
import {openAiUsage, usageOf} from './_wire/usage.ts';

export interface OpenAiOptions<O extends Output> extends ChatOptions, ModeOptions<O>, OpenRouterOptions {
  /**
   * Address of the service, up to where the paths of its protocol begin, or with `/chat/completions` or `/responses`.
   * For most services it ends in `/v1`, for an Azure deployment in `/openai/deployments/NAME`, perhaps with
   * `?api-version=…`. OPENAI_API_KEY is sent to OpenAI only.
   *
   * @default 'https://api.openai.com/v1'
   */
  readonly url?: string;
  /**
   * The protocol: chat completions, which all services speak, or Responses.
   *
   * @default 'responses' if `url` ends so, else 'chat'
   */
  readonly api?: 'chat' | 'responses';
  /**
   * Version of Azure's API, such as `2024-10-21`. If it is given, the key is sent in Azure's header.
   *
   * @default as in `url`, else none
   */
  readonly apiVersion?: string;
}

const KINDS = {
  ...CHAT_KINDS,
  ...MODE_KINDS,
  ...OPEN_ROUTER_KINDS,
  url: kinds.text,
  api: oneOf('chat', 'responses'),
  apiVersion: kinds.text,
} satisfies Shape<OpenAiOptions<Output>>;

const OPENAI = 'https://api.openai.com/v1';

/**
 * A language model of OpenAI, or of any service that speaks its protocol: Azure, vLLM, SGLang, llama.cpp, Ollama, LM
 * Studio, LiteLLM, OpenRouter, Mistral, Groq, Together. Log-probabilities make it gray-box, labels black-box. With
 * `output: 'texts'` it is a writer, for `limbeck write`.
 *
 * @throws InputError if the options can't be used
 */
export function openai(options: WriterOf<OpenAiOptions<Output>>): Writer;
export function openai<O extends Output>(
  options: OpenAiOptions<O> | WithQuestions<OpenAiOptions<O>>,
): Teacher<AccessOf<O>>;
export function openai<O extends Output>(
  options: OpenAiOptions<O> | WithQuestions<OpenAiOptions<O>> | WriterOf<OpenAiOptions<O>>,
): Teacher<AccessOf<O>> | Writer {
  if (writes(options)) return chatWriter('openai', options, KINDS, mode => dialectOf(options, mode));
  checkChatOptions('openai', options, KINDS);
  return languageModel(options, dialectOf(options, modeOf(options)));
}

function dialectOf<A extends Access>(options: Endpoint & OpenRouterOptions, mode: Mode<A>): Dialect<A> {
  const {address, api, apiVersion} = endpointOf(options);
  const isOwn = address === OPENAI || apiVersion !== undefined;
  const query = apiVersion === undefined ? '' : `?api-version=${encodeURIComponent(apiVersion)}`;
  const protocol = api === 'chat' ? chatProtocol(mode, isOwn) : responsesProtocol(mode);
  const routing = distillableFields(options, address);
  return {
    ...mode,
    ...protocol,
    body: (prompt: Prompt, settings: Settings) => ({...protocol.body(prompt, settings), ...routing}),
    adapter: 'openai',
    provider: {own: OPENAI, variable: 'OPENAI_API_KEY'},
    address,
    path: `${protocol.path}${query}`,
    refusalAdvice: advice,
    warmed: temperature => ({temperature}),
    ...(apiVersion === undefined
      ? {listsModels: true, lane: location => openAiLane(location)}
      : // Azure runs batches on a separate kind of deployment.
        {authorize: key => ({'api-key': key})}),
  };
}

type Endpoint = Pick<OpenAiOptions<Output>, 'url' | 'api' | 'apiVersion'>;

/** Reads an address as Azure's portal shows it, too: with the protocol's path and the version. */
function endpointOf({url = OPENAI, api, apiVersion}: Endpoint) {
  const [, base = url, version = apiVersion] = /^([^?]*)\?api-version=([\w.-]+)$/.exec(url) ?? [];
  const [, stem = base, path] = /^(.*)\/(chat\/completions|responses)\/*$/.exec(base) ?? [];
  const shown = path === 'responses' ? 'responses' : 'chat';
  return {address: checkAddress(stem), api: api ?? shown, apiVersion: apiVersion ?? version};
}

type Asked = Pick<Mode, 'temperature' | 'topLogprobs' | 'samples'>;

/**
 * @param isOwn - true for OpenAI's service: some of its models refuse `max_tokens`; other servers know only that field
 */
function chatProtocol({temperature, topLogprobs, samples}: Asked, isOwn: boolean) {
  return {
    path: '/chat/completions',
    ...CHAT_COMPLETIONS,
    body(prompt: Prompt, {model, maxTokens, schema}: Settings): Body {
      return {
        model,
        messages: chatMessages(prompt),
        [isOwn ? 'max_completion_tokens' : 'max_tokens']: maxTokens,
        ...(temperature !== null && {temperature}),
        ...(topLogprobs !== undefined && {logprobs: true, top_logprobs: topLogprobs}),
        ...(samples > 1 && {n: samples}),
        ...(schema && {response_format: {type: 'json_schema', json_schema: {name: 'answer', strict: true, schema}}}),
      };
    },
  };
}

/** The minimum of `max_output_tokens` in the Responses API. */
const LEAST_TOKENS = 16;

function responsesProtocol({temperature, topLogprobs}: Asked) {
  return {
    path: '/responses',
    completions: responseCompletions,
    receipt: responseReceipt,
    cost: RESPONSES_COST,
    body({system, user, image}: Prompt, {model, maxTokens, schema}: Settings): Body {
      return {
        model,
        ...(system !== undefined && {instructions: system}),
        input: image ? [{role: 'user', content: responseParts(user, image)}] : user,
        max_output_tokens: Math.max(LEAST_TOKENS, maxTokens),
        store: false,
        ...(temperature !== null && {temperature}),
        ...(topLogprobs !== undefined && {include: ['message.output_text.logprobs'], top_logprobs: topLogprobs}),
        ...(schema && {text: {format: {type: 'json_schema', name: 'answer', strict: true, schema}}}),
      };
    },
  };
}

function responseParts(text: string, image: EncodedImage): readonly Json[] {
  const shown = {type: 'input_image', image_url: dataUrl(image)};
  return text === '' ? [shown] : [shown, {type: 'input_text', text}];
}

/** Reading of OpenAI's Responses. */

const partSchema = z.discriminatedUnion('type', [
  z.object({type: z.literal('output_text'), text: z.string(), logprobs: z.array(stepSchema).nullish()}),
  z.object({type: z.literal('refusal')}),
]);

const replySchema = z.object({
  status: z.string(),
  incomplete_details: z.object({reason: z.string().nullish()}).nullish(),
  output: z.array(z.object({type: z.string(), content: z.array(partSchema).nullish().catch(undefined)})),
});

const receiptSchema = z.object({
  model: z.string().nullish().catch(undefined),
  usage: openAiUsage.nullish().catch(undefined),
});

function responseCompletions(document: unknown): readonly Completion[] | string {
  const {data} = replySchema.safeParse(document);
  if (data === undefined) return 'Its reply is no response of the Responses API. Check `url` and `api`.';
  // Other items are thoughts and tool calls.
  const parts = data.output.filter(({type}) => type === 'message').flatMap(({content}) => content ?? []);
  const texts = parts.filter(part => part.type === 'output_text');
  const steps = texts.flatMap(({logprobs}) => logprobs ?? []).map(stepOf);
  const isRefused = parts.some(({type}) => type === 'refusal');
  const finish = isRefused ? 'refused' : finishOf(data);
  return [{text: texts.map(({text}) => text).join(''), finish, ...(steps.length > 0 && {steps})}];
}

function finishOf({status, incomplete_details}: z.infer<typeof replySchema>): Finish {
  if (status !== 'incomplete') return 'stop';
  return incomplete_details?.reason === 'content_filter' ? 'filtered' : 'length';
}

function responseReceipt(document: unknown): Receipt {
  const {model, usage} = receiptSchema.parse(document);
  return {
    ...(usage && {usage: usageOf(usage)}),
    ...(model && {model}),
  };
}

/** The meaning of errors in OpenAI's protocol that the status alone does not give. */
/** For a refusal without words. */
const UNTOLD =
  'It does not take the request: its own log says why. Some models refuse `temperature` (set it to null), ' +
  'log-probabilities, or more of them than they give (lower `topLogprobs`), or a JSON schema (`structured: false`).';

const advice: RefusalAdvice = {
  byCode: {
    string_above_max_length: 'The text is longer than the service takes. Shorten it.',
    DeploymentNotFound: 'There is no such deployment. Check `url` and `apiVersion`.',
    unsupported_value:
      'The model refuses the value of a field. Set `temperature: null`, or replace it by `parameters`.',
    unsupported_parameter: 'The model does not know a field. Set it to null in `parameters`, or `temperature` to null.',
  },
  byCause: {
    model: 'It has no such model for this key. Check `model`.',
    path: 'It has no such route. Check `url`, which for most services ends in `/v1`.',
    'too-long': 'The text is longer than the model reads. Shorten it.',
  },
  byWords: ALL_HINTS,
  byStatus: {
    400: UNTOLD,
    404: 'Check `url`, which for most services ends in `/v1`, and `model`.',
    422: UNTOLD,
  },
};
