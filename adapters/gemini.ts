import {z} from 'zod';
import {imageBase64} from '../src/input-kinds.ts';
import {kinds, type Shape} from '../src/options.ts';
import type {Access, EncodedImage, Json, Receipt, Teacher} from '../src/teacher.ts';
import type {Writer} from '../src/writer.ts';
import {ALL_HINTS, CHAT_KINDS, type ChatOptions} from './_chat/chat.ts';
import type {Body, Completion, CostFields, Dialect, Finish, Settings, Step, Token} from './_chat/dialect.ts';
import {geminiLane} from './_chat/gemini-batch.ts';
import {type AccessOf, MODE_KINDS, type Mode, type ModeOptions, type Output} from './_chat/modes.ts';
import type {Prompt} from './_chat/prompt.ts';
import {checkChatOptions, modeOf, type WithQuestions} from './_chat/question-options.ts';
import {languageModel} from './_chat/question-teacher.ts';
import {chatWriter, type WriterOf, writes} from './_chat/writer.ts';
import type {RefusalAdvice} from './_wire/refusal.ts';
import {optionalCount, withPromptCache} from './_wire/usage.ts';

export interface GeminiOptions<O extends Output> extends ChatOptions, ModeOptions<O> {
  /**
   * Address of the service, up to where `/models` begins. For Vertex, up to `/publishers/google`, with an access token
   * of the account as `key`. GEMINI_API_KEY is sent to the Gemini API only.
   *
   * @default 'https://generativelanguage.googleapis.com/v1beta'
   */
  readonly url?: string;
}

const KINDS = {...CHAT_KINDS, ...MODE_KINDS, url: kinds.text} satisfies Shape<GeminiOptions<Output>>;

const GEMINI = 'https://generativelanguage.googleapis.com/v1beta';

/**
 * A model of Google's, by the Gemini API or Vertex. Some models give log-probabilities, others do not. A model that
 * thinks first spends `maxTokens` on it; `parameters: {generationConfig: {thinkingConfig: {thinkingBudget: 0}}}` turns
 * thinking off. With `output: 'texts'` it is a writer, for `limbeck write`.
 *
 * @throws InputError if the options can't be used
 */
export function gemini(options: WriterOf<GeminiOptions<Output>>): Writer;
export function gemini<O extends Output>(
  options: GeminiOptions<O> | WithQuestions<GeminiOptions<O>>,
): Teacher<AccessOf<O>>;
export function gemini<O extends Output>(
  options: GeminiOptions<O> | WithQuestions<GeminiOptions<O>> | WriterOf<GeminiOptions<O>>,
): Teacher<AccessOf<O>> | Writer {
  if (writes(options)) return chatWriter('gemini', options, KINDS, mode => dialectOf(options, mode));
  checkChatOptions('gemini', options, KINDS);
  return languageModel(options, dialectOf(options, modeOf(options)));
}

function dialectOf<A extends Access>(
  {url = GEMINI, model}: Pick<GeminiOptions<Output>, 'url' | 'model'>,
  mode: Mode<A>,
): Dialect<A> {
  const isVertex = new URL(url).hostname.endsWith('aiplatform.googleapis.com');
  return {
    ...mode,
    adapter: 'gemini',
    provider: {own: GEMINI, variable: 'GEMINI_API_KEY'},
    address: url,
    path: `/models/${encodeURIComponent(model)}:generateContent`,
    ...(!isVertex && {authorize: key => ({'x-goog-api-key': key})}),
    completions,
    receipt,
    cost: GEMINI_COST,
    refusalAdvice: advice,
    // Vertex reads batches only from Google Cloud Storage.
    ...(!isVertex && {lane: location => geminiLane(location, encodeURIComponent(model))}),
    tokenKey: 'id',
    warmed: temperature => ({generationConfig: {temperature}}),
    body: ({system, user, image}: Prompt, settings: Settings) => ({
      contents: [{role: 'user', parts: image ? partsOf(user, image) : [{text: user}]}],
      ...(system !== undefined && {systemInstruction: {parts: [{text: system}]}}),
      generationConfig: generationOf(mode, settings),
    }),
  };
}

function partsOf(text: string, image: EncodedImage): readonly Json[] {
  const shown = {inlineData: {mimeType: image.mediaType, data: imageBase64(image)}};
  return text === '' ? [shown] : [shown, {text}];
}

function generationOf(
  {temperature, topLogprobs, samples}: Pick<Mode, 'temperature' | 'topLogprobs' | 'samples'>,
  {maxTokens, schema}: Settings,
): Body {
  return {
    maxOutputTokens: maxTokens,
    ...(temperature !== null && {temperature}),
    ...(samples > 1 && {candidateCount: samples}),
    ...(topLogprobs !== undefined && {responseLogprobs: true, logprobs: topLogprobs}),
    ...(schema && {responseMimeType: 'application/json', responseJsonSchema: schema}),
  };
}

const generation = (names: readonly string[]) => names.map(name => `generationConfig.${name}`);

/** Gemini's `generateContent`. */
const GEMINI_COST: CostFields = {
  limits: generation(['maxOutputTokens']),
  thoughts: generation(['thinkingConfig.thinkingBudget']),
  copies: generation(['candidateCount']),
  harmless: [
    ...generation(['temperature', 'topP', 'topK', 'seed', 'stopSequences', 'presencePenalty', 'frequencyPenalty']),
    ...generation(['responseMimeType', 'responseSchema', 'responseJsonSchema', 'responseLogprobs', 'logprobs']),
    ...generation(['thinkingConfig.includeThoughts', 'thinkingConfig.thinkingLevel']),
    // The model decides how many, within the limit of the answer.
    ...generation(['thinkingConfig.thinkingBudget=-1']),
    ...['safetySettings', 'labels'],
  ],
};

const tokenSchema = z.object({
  token: z.string().nullish(),
  tokenId: z.number().int().nullish(),
  logProbability: z.number().nullish(),
});

const replySchema = z.object({
  candidates: z
    .array(
      z.object({
        content: z
          .object({parts: z.array(z.object({text: z.string().nullish(), thought: z.boolean().nullish()})).nullish()})
          .nullish(),
        finishReason: z.string().nullish(),
        logprobsResult: z
          .object({
            chosenCandidates: z.array(tokenSchema).nullish(),
            topCandidates: z.array(z.object({candidates: z.array(tokenSchema).nullish()})).nullish(),
          })
          .nullish(),
      }),
    )
    .nullish(),
  promptFeedback: z.object({blockReason: z.string().nullish()}).nullish(),
});

type Candidate = NonNullable<z.infer<typeof replySchema>['candidates']>[number];

function completions(document: unknown): readonly Completion[] | string {
  const {data} = replySchema.safeParse(document);
  if (data?.promptFeedback?.blockReason) return [{text: '', finish: 'filtered'}];
  if (!data?.candidates?.length) return 'Its reply holds no candidate of Gemini’s. Check `url`.';
  return data.candidates.map((candidate): Completion => {
    // Thoughts are separate parts.
    const parts = candidate.content?.parts?.filter(({thought}) => !thought) ?? [];
    const steps = stepsOf(candidate);
    return {text: parts.map(({text}) => text ?? '').join(''), finish: finishOf(candidate), ...(steps && {steps})};
  });
}

/** Every other reason is a filter: safety, recitation, forbidden words, personal data. */
function finishOf({finishReason}: Candidate): Finish {
  if (finishReason === 'MAX_TOKENS') return 'length';
  return finishReason === 'STOP' || !finishReason ? 'stop' : 'filtered';
}

function stepsOf({logprobsResult}: Candidate): readonly Step[] | undefined {
  const {chosenCandidates, topCandidates} = logprobsResult ?? {};
  if (!chosenCandidates && !topCandidates) return undefined;
  const length = Math.max(chosenCandidates?.length ?? 0, topCandidates?.length ?? 0);
  return Array.from({length}, (_, index): Step => {
    const chosen = chosenCandidates?.[index];
    return {
      chosen: chosen && tokenOf(chosen),
      alternatives: topCandidates?.[index]?.candidates?.map(tokenOf) ?? [],
    };
  });
}

/** Fields that are zero or empty can be missing from the JSON. */
function tokenOf({token, tokenId, logProbability}: z.infer<typeof tokenSchema>): Token {
  const id = tokenId ?? undefined;
  return {text: token ?? '', logProbability: logProbability ?? 0, ...(id !== undefined && {id})};
}

const receiptSchema = z.object({
  modelVersion: z.string().nullish().catch(undefined),
  usageMetadata: z
    .object({
      promptTokenCount: optionalCount,
      cachedContentTokenCount: optionalCount,
      candidatesTokenCount: optionalCount,
      thoughtsTokenCount: optionalCount,
      totalTokenCount: optionalCount,
    })
    .nullish()
    .catch(undefined),
});

type Metadata = NonNullable<z.infer<typeof receiptSchema>['usageMetadata']>;

function receipt(document: unknown): Receipt {
  const {modelVersion: model, usageMetadata: usage} = receiptSchema.parse(document);
  const counted = usage && usageOf(usage);
  return {...(model && {model}), ...(counted && {usage: counted})};
}

/** A count of zero is missing. Tokens that only the total counts were generated, or read by a tool. */
function usageOf({
  promptTokenCount,
  cachedContentTokenCount: read,
  candidatesTokenCount,
  thoughtsTokenCount,
  totalTokenCount,
}: Metadata): Receipt['usage'] {
  const inputTokens = promptTokenCount ?? undefined;
  const generated = [candidatesTokenCount, thoughtsTokenCount].filter(count => typeof count === 'number');
  if (inputTokens === undefined || (generated.length === 0 && typeof totalTokenCount !== 'number')) return undefined;
  const outputTokens = generated.reduce((sum, count) => sum + count, 0);
  const all = Math.max(outputTokens, (totalTokenCount ?? 0) - inputTokens);
  return withPromptCache({inputTokens, outputTokens: all}, {read});
}

const KEY = 'It refuses the key. Set GEMINI_API_KEY, or LIMBECK_TEACHER_KEY for another address, or pass `key`.';

const advice: RefusalAdvice = {
  byCode: {
    INVALID_ARGUMENT:
      'It does not take the request: check `model`, `key` and `parameters`. Preview models tell no log-probabilities, and ' +
      'some models take no JSON schema (`structured: false`).',
    FAILED_PRECONDITION:
      'It is not free of charge where you are, or not open to this account. Set up billing for the key.',
    UNAUTHENTICATED: KEY,
    PERMISSION_DENIED: 'The key may not use this. Check `model` and the rights of the key.',
    NOT_FOUND: 'There is no such model. Check `model` and `url`.',
    RESOURCE_EXHAUSTED: 'It gets too many requests, or the day’s are used up. Lower `concurrency` or the rate.',
    INTERNAL: 'It failed.',
    UNAVAILABLE: 'It is overloaded.',
    DEADLINE_EXCEEDED: 'The service itself timed out. Shorten the text.',
  },
  byCause: {key: KEY},
  byWords: ALL_HINTS,
  byStatus: {404: 'There is no such model. Check `model` and `url`.'},
};
