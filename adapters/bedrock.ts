import {z} from 'zod';
import {InputError} from '../src/errors.ts';
import {imageBase64} from '../src/input-kinds.ts';
import {kinds, type Shape} from '../src/options.ts';
import type {EncodedImage, Json, Receipt, Teacher} from '../src/teacher.ts';
import {ALL_HINTS, CHAT_KINDS, type ChatOptions} from './_chat/chat.ts';
import type {Completion, CostFields, Finish, Settings} from './_chat/dialect.ts';
import {type AccessOf, MODE_KINDS, type ModeOptions} from './_chat/modes.ts';
import type {Prompt} from './_chat/prompt.ts';
import {checkChatOptions, hasQuestions, modeOf, type WithQuestions} from './_chat/question-options.ts';
import {languageModel} from './_chat/question-teacher.ts';
import {AWS_ERRORS, AWS_KINDS, AWS_STATUSES, type AwsOptions, awsAccess, regionOf} from './_wire/aws.ts';
import type {RefusalAdvice} from './_wire/refusal.ts';
import {checkAddress} from './_wire/request.ts';
import {standInFor} from './_wire/service.ts';
import {optionalCount, tokenCount, withPromptCache} from './_wire/usage.ts';

/** Converse gives no log-probabilities. */
type Output = 'label' | 'confidence';

export interface BedrockOptions<O extends Output>
  extends Omit<ChatOptions, 'key' | 'keyHeader'>,
    AwsOptions,
    Pick<ModeOptions<O>, 'output' | 'structured' | 'temperature'> {
  /**
   * Address of the service.
   *
   * @default the address of the region
   */
  readonly url?: string;
  /**
   * A Bedrock API key, used instead of `credentials`. A function is called for every request.
   *
   * @default the environment variable AWS_BEARER_TOKEN_BEDROCK
   */
  readonly key?: string | (() => string);
}

const {keyHeader: _, ...BEDROCK_CHAT_KINDS} = CHAT_KINDS;
const KINDS = {
  ...BEDROCK_CHAT_KINDS,
  ...AWS_KINDS,
  output: MODE_KINDS.output,
  structured: kinds.flag,
  temperature: kinds.numberOrNull,
  url: kinds.text,
} satisfies Shape<BedrockOptions<Output>>;

/**
 * A model behind Amazon Bedrock, by Converse: labels. Models that speak OpenAI's protocol, with log-probabilities, are
 * reached by `openai` with the address of `bedrock-mantle`.
 *
 * `structured` is false by default, because not all models take a schema. With `questions` it is true.
 *
 * @throws InputError if the options can't be used
 */
export function bedrock<O extends Output>(
  options: BedrockOptions<O> | WithQuestions<BedrockOptions<O>>,
): Teacher<AccessOf<O>> {
  checkChatOptions('bedrock', options, KINDS);
  const {model, structured = hasQuestions(options)} = options;
  checkOutput(options.output);
  const region = regionOf(options);
  const mode = modeOf({...options, structured});
  const address = checkAddress(options.url ?? `https://bedrock-runtime.${region}.amazonaws.com`);
  const name = `bedrock ${model} at ${standInFor(options, address)}`;
  const apiKey = keyOf(options);
  const access = awsAccess(options, {name, service: 'bedrock', region, apiKey});
  return languageModel(
    {...options, structured, key: () => access.key() ?? ''},
    {
      ...mode,
      adapter: 'bedrock',
      provider: {own: address, variable: access.keyVariable},
      address,
      path: `/model/${encodeURIComponent(model)}/converse`,
      authorize: access.authorize,
      completions,
      receipt,
      cost: CONVERSE_COST,
      refusalAdvice: advice,
      body({system, user, image}: Prompt, {maxTokens, schema}: Settings) {
        return {
          messages: [{role: 'user', content: image ? partsOf(user, image) : [{text: user}]}],
          ...(system !== undefined && {system: [{text: system}]}),
          inferenceConfig: {maxTokens, ...(mode.temperature !== null && {temperature: mode.temperature})},
          ...(schema && {
            outputConfig: {
              textFormat: {
                type: 'json_schema',
                structure: {jsonSchema: {name: 'answer', schema: JSON.stringify(schema)}},
              },
            },
          }),
        };
      },
    },
  );
}

function partsOf(text: string, image: EncodedImage): readonly Json[] {
  const format = image.mediaType.replace('image/', '');
  const shown = {image: {format, source: {bytes: imageBase64(image)}}};
  return text === '' ? [shown] : [shown, {text}];
}

function keyOf({key}: {readonly key?: string | (() => string)}): () => string | undefined {
  return typeof key === 'function' ? key : () => key ?? process.env['AWS_BEARER_TOKEN_BEDROCK'];
}

function checkOutput(output: string): void {
  if (output !== 'log-probabilities') return;
  throw new InputError(
    "Bedrock's Converse gives no log-probabilities. Use `output: 'label'` or 'confidence', or `openai` for models that speak its protocol.",
  );
}

/** Amazon Bedrock's Converse. A body can hold a model's own fields beside the common ones. */
const CONVERSE_COST: CostFields = {
  limits: [
    'inferenceConfig.maxTokens',
    ...['max_tokens', 'max_completion_tokens', 'max_gen_len'].map(name => `additionalModelRequestFields.${name}`),
  ],
  thoughts: ['thinking.budget_tokens', 'reasoning_config.budget_tokens'].map(
    name => `additionalModelRequestFields.${name}`,
  ),
  harmless: [
    ...['temperature', 'topP', 'stopSequences'].map(name => `inferenceConfig.${name}`),
    ...['top_k', 'topK', 'seed', 'thinking.type', 'reasoning_config.type', 'reasoning_effort'].map(
      name => `additionalModelRequestFields.${name}`,
    ),
    ...['additionalModelResponseFieldPaths', 'outputConfig', 'requestMetadata', 'performanceConfig.latency=standard'],
  ],
};

const replySchema = z.object({
  output: z.object({message: z.object({content: z.array(z.object({text: z.string().nullish()}))})}),
  stopReason: z.string(),
});

const FINISHES: Readonly<Record<string, Finish>> = {
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  guardrail_intervened: 'filtered',
  content_filtered: 'filtered',
  refusal: 'refused',
};

function completions(document: unknown): readonly Completion[] | string {
  const {data} = replySchema.safeParse(document);
  if (data === undefined) return 'Its reply is no reply of Converse. Check `url`.';
  const text = data.output.message.content.map(({text}) => text ?? '').join('');
  return [{text, finish: FINISHES[data.stopReason] ?? 'stop'}];
}

const receiptSchema = z.object({
  usage: z
    .object({
      inputTokens: tokenCount,
      outputTokens: tokenCount,
      cacheReadInputTokens: optionalCount,
      cacheWriteInputTokens: optionalCount,
    })
    .nullish()
    .catch(undefined),
});

function receipt(document: unknown): Receipt {
  const {usage} = receiptSchema.parse(document);
  if (!usage) return {};
  const {inputTokens, outputTokens, cacheReadInputTokens, cacheWriteInputTokens} = usage;
  const [read, written] = [cacheReadInputTokens ?? 0, cacheWriteInputTokens ?? 0];
  // Its count of input tokens is without those of the cache.
  return {usage: withPromptCache({inputTokens: inputTokens + read + written, outputTokens}, {read, written})};
}

const advice: RefusalAdvice = {
  byCode: {
    ...AWS_ERRORS,
    ValidationException:
      'It does not take the request: check `model` (some need a region in it), `parameters` and `structured`.',
    ResourceNotFoundException: 'There is no such model in this region. Check `model` and `region`.',
    ModelNotReadyException: {problem: 'The model is not ready yet.', retryable: true},
    ModelTimeoutException: {problem: 'The model took too long.', retryable: true},
    ModelErrorException: {problem: 'The model failed.', retryable: true},
    ServiceQuotaExceededException: {problem: 'A quota of the account is used up. Have it raised.', retryable: false},
  },
  byCause: {model: 'There is no such model in this region. Check `model` (some need a region in it) and `region`.'},
  byWords: ALL_HINTS,
  byStatus: AWS_STATUSES,
};
