import {z} from 'zod';
import {InputError} from '../src/errors.ts';
import {imageBase64} from '../src/input-kinds.ts';
import {kinds, type Shape} from '../src/options.ts';
import type {Access, EncodedImage, Json, Price, Receipt, Teacher, Usage} from '../src/teacher.ts';
import type {Writer} from '../src/writer.ts';
import {anthropicLane} from './_chat/anthropic-batch.ts';
import {ALL_HINTS, CHAT_KINDS, type ChatOptions} from './_chat/chat.ts';
import type {Completion, CostFields, Dialect, Finish, Settings} from './_chat/dialect.ts';
import {type AccessOf, MODE_KINDS, type Mode, type ModeOptions} from './_chat/modes.ts';
import type {Prompt} from './_chat/prompt.ts';
import {checkChatOptions, modeOf, type WithQuestions} from './_chat/question-options.ts';
import {languageModel} from './_chat/question-teacher.ts';
import {chatWriter, type WriterOf, writes} from './_chat/writer.ts';
import type {RefusalAdvice} from './_wire/refusal.ts';
import {optionalCount, tokenCount, withPromptCache} from './_wire/usage.ts';

/** Anthropic gives no log-probabilities. */
type Output = 'label' | 'confidence';

export interface AnthropicOptions<O extends Output>
  extends ChatOptions,
    Pick<ModeOptions<O>, 'output' | 'structured' | 'temperature'> {
  /**
   * Address of the service, up to where `/v1` begins. ANTHROPIC_API_KEY is sent to Anthropic only.
   *
   * @default 'https://api.anthropic.com'
   */
  readonly url?: string;
  /**
   * Version of the API. From `2026-10-21` on it accepts no temperature.
   *
   * @default '2023-06-01'
   */
  readonly version?: string;
}

const KINDS = {
  ...CHAT_KINDS,
  output: MODE_KINDS.output,
  structured: kinds.flag,
  temperature: kinds.numberOrNull,
  url: kinds.text,
  version: kinds.text,
} satisfies Shape<AnthropicOptions<Output>>;

const ANTHROPIC = 'https://api.anthropic.com';

/** The first version that refuses a temperature and takes the key as a bearer token. */
const WITHOUT_TEMPERATURE = '2026-10-21';

/**
 * A model of Anthropic, or of a service that speaks its Messages API: labels, by a JSON schema of the classes. The part
 * of the prompt that all texts share is marked for the service's cache. With `output: 'texts'` it is a writer, for
 * `limbeck write`.
 *
 * @throws InputError if the options can't be used
 */
export function anthropic(options: WriterOf<AnthropicOptions<Output>>): Writer;
export function anthropic<O extends Output>(
  options: AnthropicOptions<O> | WithQuestions<AnthropicOptions<O>>,
): Teacher<AccessOf<O>>;
export function anthropic<O extends Output>(
  options: AnthropicOptions<O> | WithQuestions<AnthropicOptions<O>> | WriterOf<AnthropicOptions<O>>,
): Teacher<AccessOf<O>> | Writer {
  if (writes(options)) return chatWriter('anthropic', priced(options), KINDS, mode => dialectOf(options, mode));
  checkChatOptions('anthropic', options, KINDS);
  checkOutput(options.output);
  return languageModel(priced(options), dialectOf(options, modeOf(options)));
}

function priced<T extends Pick<AnthropicOptions<Output>, 'url' | 'price' | 'parameters'>>(options: T): T {
  const price = withCachePrices(options, (options.url ?? ANTHROPIC) === ANTHROPIC);
  return price ? {...options, price} : options;
}

type Endpoint = Pick<AnthropicOptions<Output>, 'url' | 'version' | 'temperature'>;

function dialectOf<A extends Access>(
  {url = ANTHROPIC, version = '2023-06-01', temperature}: Endpoint,
  mode: Mode<A>,
): Dialect<A> {
  const isNew = version >= WITHOUT_TEMPERATURE;
  if (isNew && typeof temperature === 'number') {
    throw new InputError(`Version ${version} takes no \`temperature\`. Leave it out, or use version 2023-06-01.`);
  }
  return {
    ...mode,
    adapter: 'anthropic',
    provider: {own: ANTHROPIC, variable: 'ANTHROPIC_API_KEY'},
    address: url,
    path: '/v1/messages',
    headers: {'anthropic-version': version},
    ...(!isNew && {authorize: key => ({'x-api-key': key})}),
    completions,
    receipt,
    cost: ANTHROPIC_COST,
    refusalAdvice: advice,
    lane: anthropicLane,
    body({system, user, image}: Prompt, {model, maxTokens, schema}: Settings) {
      return {
        model,
        max_tokens: maxTokens,
        ...(system !== undefined && {system: [{type: 'text', text: system, cache_control: {type: 'ephemeral'}}]}),
        messages: [{role: 'user', content: image ? partsOf(user, image) : user}],
        ...(!isNew && mode.temperature !== null && {temperature: mode.temperature}),
        ...(schema && {output_config: {format: {type: 'json_schema', schema}}}),
      };
    },
  };
}

function partsOf(text: string, image: EncodedImage): readonly Json[] {
  const source = {type: 'base64', media_type: image.mediaType, data: imageBase64(image)};
  const shown = {type: 'image', source};
  return text === '' ? [shown] : [shown, {type: 'text', text}];
}

function checkOutput(output: string): void {
  if (output !== 'log-probabilities') return;
  throw new InputError(
    "Anthropic gives no log-probabilities. Use `output: 'label'` or 'confidence', or ask several times with `repeat`.",
  );
}

const ANTHROPIC_COST: CostFields = {
  limits: ['max_tokens'],
  thoughts: ['thinking.budget_tokens'],
  harmless: [
    ...['temperature', 'top_p', 'top_k', 'stop_sequences', 'metadata', 'output_config', 'thinking.type'],
    ...['service_tier=standard_only', 'service_tier=auto'],
  ],
};

const replySchema = z.object({
  content: z.array(z.object({type: z.string(), text: z.string().optional()})),
  stop_reason: z.string().nullable(),
});

const FINISHES: Readonly<Record<string, Finish>> = {
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  refusal: 'refused',
};

function completions(document: unknown): readonly Completion[] | string {
  const {data} = replySchema.safeParse(document);
  if (data === undefined) return 'Its reply is no message of Anthropic’s. Check `url`.';
  // Other blocks hold thoughts.
  const texts = data.content.filter(({type}) => type === 'text').map(({text = ''}) => text);
  return [{text: texts.join(''), finish: FINISHES[data.stop_reason ?? ''] ?? 'stop'}];
}

const receiptSchema = z.object({
  model: z.string().nullish().catch(undefined),
  usage: z
    .object({
      input_tokens: tokenCount,
      output_tokens: tokenCount,
      cache_creation_input_tokens: optionalCount,
      cache_read_input_tokens: optionalCount,
    })
    .nullish()
    .catch(undefined),
});

function receipt(document: unknown): Receipt {
  const {model, usage} = receiptSchema.parse(document);
  return {...(model && {model}), ...(usage && {usage: usageOf(usage)})};
}

/** Its count of input tokens is without those of the cache. */
function usageOf({
  input_tokens,
  output_tokens,
  cache_creation_input_tokens,
  cache_read_input_tokens,
}: NonNullable<z.infer<typeof receiptSchema>['usage']>): Usage {
  const [written, read] = [cache_creation_input_tokens ?? 0, cache_read_input_tokens ?? 0];
  return withPromptCache({inputTokens: input_tokens + read + written, outputTokens: output_tokens}, {read, written});
}

/** Anthropic's prices of the prompt cache, in those of input tokens. https://docs.anthropic.com, "Prompt caching" */
const CACHE_READ = 0.1;
const CACHE_WRITE = 1.25;
/** For an hour. */
const LONG_CACHE_WRITE = 2;

/** Completes a price by those of the prompt cache, which a price of input tokens implies. */
function withCachePrices(
  {price, parameters}: Pick<ChatOptions, 'price' | 'parameters'>,
  isOwn: boolean,
): Price | undefined {
  const {perMillionInputTokens} = price ?? {};
  if (perMillionInputTokens === undefined) return price;
  const isLong = JSON.stringify(parameters ?? {}).includes('"ttl":"1h"');
  return {
    // Another service of the protocol may charge as much for reading.
    perMillionCacheReadTokens: perMillionInputTokens * (isOwn ? CACHE_READ : 1),
    perMillionCacheWriteTokens: perMillionInputTokens * (isLong ? LONG_CACHE_WRITE : CACHE_WRITE),
    ...price,
  };
}

const advice: RefusalAdvice = {
  byCode: {
    invalid_request_error:
      'It does not take the request: check `model`, `version` and `parameters`. Some models take no `temperature` (set it ' +
      'to null) or no JSON schema (`structured: false`).',
    authentication_error:
      'It refuses the key. Set ANTHROPIC_API_KEY, or LIMBECK_TEACHER_KEY for another address, or pass `key`.',
    permission_error: 'The key may not use this. Check `model` and the rights of the key.',
    not_found_error: 'There is no such model. Check `model` and `url`.',
    request_too_large: 'The text is larger than the service takes. Shorten it.',
    conflict_error: 'It does not take the request now: the request conflicts with another one.',
    overloaded_error: 'It is overloaded.',
    timeout_error: 'The service itself timed out.',
    api_error: 'It failed.',
  },
  byWords: ALL_HINTS,
  byStatus: {529: {problem: 'It is overloaded.', retryable: true}},
};
