import {z} from 'zod';
import {imageBase64} from '../src/input-kinds.ts';
import {kinds, type Shape} from '../src/options.ts';
import type {Access, Json, Receipt, Teacher} from '../src/teacher.ts';
import type {Writer} from '../src/writer.ts';
import {ALL_HINTS, CHAT_KINDS, type ChatOptions} from './_chat/chat.ts';
import type {Completion, CostFields, Dialect, Settings} from './_chat/dialect.ts';
import {type AccessOf, MODE_KINDS, type Mode, type ModeOptions, type Output} from './_chat/modes.ts';
import {chatMessages, stepOf, stepSchema} from './_chat/openai-chat.ts';
import type {Prompt} from './_chat/prompt.ts';
import {checkChatOptions, modeOf, type WithQuestions} from './_chat/question-options.ts';
import {languageModel} from './_chat/question-teacher.ts';
import {chatWriter, type WriterOf, writes} from './_chat/writer.ts';
import type {RefusalAdvice} from './_wire/refusal.ts';
import {tokenCount} from './_wire/usage.ts';

export interface OllamaOptions<O extends Output>
  extends ChatOptions,
    Omit<ModeOptions<O>, 'samples' | 'logprobsTaken'> {
  /** @default 'http://127.0.0.1:11434' */
  readonly url?: string;
}

const {samples: _, logprobsTaken: __, ...OLLAMA_MODE_KINDS} = MODE_KINDS;
const KINDS = {...CHAT_KINDS, ...OLLAMA_MODE_KINDS, url: kinds.text} satisfies Shape<OllamaOptions<Output>>;

const OLLAMA = 'http://127.0.0.1:11434';

/**
 * A model that Ollama runs, by Ollama's own protocol. Thinking is turned off. A text that is longer than the model's
 * context is refused; by default Ollama would silently cut it. With `output: 'texts'` it is a writer, for `limbeck write`.
 *
 * @throws InputError if the options can't be used
 */
export function ollama(options: WriterOf<OllamaOptions<Output>>): Writer;
export function ollama<O extends Output>(
  options: OllamaOptions<O> | WithQuestions<OllamaOptions<O>>,
): Teacher<AccessOf<O>>;
export function ollama<O extends Output>(
  options: OllamaOptions<O> | WithQuestions<OllamaOptions<O>> | WriterOf<OllamaOptions<O>>,
): Teacher<AccessOf<O>> | Writer {
  if (writes(options)) return chatWriter('ollama', options, KINDS, mode => dialectOf(options, mode));
  checkChatOptions('ollama', options, KINDS);
  return languageModel(options, dialectOf(options, modeOf(options)));
}

function dialectOf<A extends Access>({url = OLLAMA}: Pick<OllamaOptions<Output>, 'url'>, mode: Mode<A>): Dialect<A> {
  const {temperature, topLogprobs} = mode;
  return {
    ...mode,
    adapter: 'ollama',
    provider: {own: OLLAMA, variable: 'LIMBECK_TEACHER_KEY'},
    address: url,
    path: '/api/chat',
    completions,
    receipt,
    cost: OLLAMA_COST,
    refusalAdvice: advice,
    warmed: temperature => ({options: {temperature}}),
    body(prompt: Prompt, {model, maxTokens, schema: format}: Settings) {
      return {
        model,
        messages: messagesOf(prompt),
        stream: false,
        think: false,
        truncate: false,
        shift: false,
        options: {num_predict: maxTokens, ...(temperature !== null && {temperature})},
        ...(topLogprobs !== undefined && {logprobs: true, top_logprobs: topLogprobs}),
        ...(format && {format}),
      };
    },
  };
}

/** Images stand beside the text, without their media type. */
function messagesOf({image, ...prompt}: Prompt): readonly Json[] {
  const messages = chatMessages(prompt);
  const asked = messages.at(-1) as {readonly [field: string]: Json};
  return image ? [...messages.slice(0, -1), {...asked, images: [imageBase64(image)]}] : messages;
}

/** Ollama's chat. Its limit can be missing or infinite. */
const OLLAMA_COST: CostFields = {
  limits: ['options.num_predict'],
  harmless: ['options', 'format', 'think', 'keep_alive', 'truncate', 'shift', 'logprobs', 'top_logprobs'],
};

const replySchema = z.object({
  message: z.object({content: z.string()}),
  done_reason: z.string().nullish(),
  logprobs: z.array(stepSchema).nullish(),
});

function completions(document: unknown): readonly Completion[] | string {
  const {data} = replySchema.safeParse(document);
  if (data === undefined) return 'Its reply is no chat reply of Ollama’s. Check `url`.';
  const {message, done_reason, logprobs} = data;
  const finish = done_reason === 'length' ? 'length' : 'stop';
  return [{text: message.content, finish, ...(logprobs && {steps: logprobs.map(stepOf)})}];
}

const receiptSchema = z.object({
  model: z.string().nullish().catch(undefined),
  prompt_eval_count: tokenCount.nullish().catch(undefined),
  eval_count: tokenCount.nullish().catch(undefined),
});

function receipt(document: unknown): Receipt {
  const {model, prompt_eval_count: inputTokens, eval_count: outputTokens} = receiptSchema.parse(document);
  const isCounted = typeof inputTokens === 'number' && typeof outputTokens === 'number';
  return {...(model && {model}), ...(isCounted && {usage: {inputTokens, outputTokens}})};
}

const advice: RefusalAdvice = {
  byCause: {
    model: 'There is no such model here. Run `ollama pull` with its name, or check `model`.',
    path: 'It has no such route. Check `url`.',
    'too-long': 'The text is longer than its context. Raise it: `parameters: {options: {num_ctx: 8192}}`.',
  },
  byWords: ALL_HINTS,
  byStatus: {
    400:
      'It does not take the request: its own log says why. It gives at most 20 tokens (`topLogprobs`), and reads texts no ' +
      'longer than its context (`parameters: {options: {num_ctx: 8192}}`).',
    404: 'There is no such model here. Run `ollama pull` with its name, or check `url`.',
  },
};
