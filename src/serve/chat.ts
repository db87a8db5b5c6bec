import {randomUUID} from 'node:crypto';
import {z} from 'zod';
import {
  contentForm,
  type ForcedTool,
  type Form,
  type FormWanted,
  forcedTool,
  formWanted,
  type PromptText,
} from './chat-form.ts';
import {modelNamed, type ServedClassifier, type Verdict, verdictsOn} from './classifier.ts';
import {queryOf} from './classify.ts';
import {RequestFailure, type Route, route, type ServedReply} from './router.ts';
import {leastLogProbability, type ServedInput} from './tensors.ts';
import {tokensOf} from './typed-answers.ts';

/**
 * OpenAI's chat protocol for a model of texts, images or records. It classifies the user's last message, and the
 * assistant's reply is the class. If there is one model, it accepts any model name, so that a client changes only its
 * base URL.
 */
export function chatRoutes(models: readonly ServedClassifier[], promptText: PromptText): readonly Route[] {
  return [
    route('POST', '/v1/chat/completions', async ({body, signal}) => {
      const request = readChatRequest(await body());
      const model = modelNamed(models, request.model ?? undefined, 'model');
      return complete(model, request, askedIn(request, promptText, model.input?.kind), signal);
    }),
  ];
}

async function complete(
  model: ServedClassifier,
  request: ChatRequest,
  asked: string,
  signal: AbortSignal,
): Promise<ServedReply> {
  const form = contentForm(request, model.classes);
  const called = forcedTool(request, model.classes);
  if (request.logprobs && model.detail.kind === 'label') {
    throw new RequestFailure(400, 'This service shows labels alone.', {param: 'logprobs', code: 'unsupported_value'});
  }
  const [verdict] = await verdictsOn(model, [queryOf(model, asked, 0)], signal);
  const answer = answerOf(verdict!, request, form, called);
  const head = {
    id: `chatcmpl-${randomUUID()}`,
    created: Math.floor(Date.now() / 1000),
    model: model.name,
    system_fingerprint: `limbeck_${model.version.slice(0, 12)}`,
  };
  const completion = {
    ...head,
    about: verdict!.about,
    answer,
    usage: usageOf(model.input?.kind === 'image' ? '' : asked),
  };
  return request.stream ? streamed(completion, request) : whole(completion);
}

interface Completion {
  readonly about: Verdict['about'];
  readonly answer: ChatAnswer;
  readonly usage: object;
}

interface ChatAnswer {
  readonly message: {readonly content: string | null; readonly tool_calls?: readonly object[]};
  readonly logprobs: object | null;
  readonly finish: 'stop' | 'tool_calls';
}

/** OpenAI's protocols allow further fields. `limbeck` holds the facts that have no standard field. */
function whole({about, answer, usage, ...head}: Completion): ServedReply {
  const message = {role: 'assistant', ...answer.message, refusal: null};
  const choice = {index: 0, message, logprobs: answer.logprobs, finish_reason: answer.finish};
  return {body: {...head, object: 'chat.completion', choices: [choice], usage, limbeck: about}};
}

/** Server-sent events: the answer, its end, the usage if requested, and `[DONE]`. */
function streamed({about, answer, usage, ...head}: Completion, {stream_options: options}: ChatRequest): ServedReply {
  const chunk = {...head, object: 'chat.completion.chunk'};
  const {content, tool_calls: calls} = answer.message;
  const delta = {
    role: 'assistant',
    content,
    tool_calls: calls?.map((call, index) => ({index, ...call})),
  };
  const events: readonly object[] = [
    {...chunk, choices: [{index: 0, delta, logprobs: answer.logprobs, finish_reason: null}], limbeck: about},
    {...chunk, choices: [{index: 0, delta: {}, logprobs: null, finish_reason: answer.finish}]},
    ...(options?.include_usage ? [{...chunk, choices: [], usage}] : []),
  ];
  return {
    headers: {'content-type': 'text/event-stream', 'cache-control': 'no-cache'},
    body: [...events.map(event => JSON.stringify(event)), '[DONE]'].map(data => `data: ${data}\n\n`).join(''),
  };
}

function answerOf(
  {label, shares, about}: Verdict,
  {logprobs, top_logprobs: top, tool_choice: choice}: ChatRequest,
  form: Form,
  called: ForcedTool | undefined,
): ChatAnswer {
  const {confidence} = about;
  if (called) {
    const call = {name: called.name, arguments: called.form(label, confidence)};
    const calls = [{id: `call_${randomUUID()}`, type: 'function', function: call}];
    // OpenAI's API finishes the call of a named function with `stop`.
    const finish = choice === 'required' ? 'tool_calls' : 'stop';
    return {message: {content: null, tool_calls: calls}, logprobs: null, finish};
  }
  const content = form(label, confidence);
  const said = {message: {content}, finish: 'stop'} as const;
  if (!logprobs || shares === undefined) return {...said, logprobs: null};
  const entries = shares.map(({name, probability}) => tokenOf(form(name, probability), probability));
  const best = tokenOf(content, shares[0]!.probability);
  return {...said, logprobs: {content: [{...best, top_logprobs: entries.slice(0, top ?? 0)}], refusal: null}};
}

/** The text for a class as a single token, with the probability of the class. */
function tokenOf(token: string, probability: number): object {
  const logprob = Math.max(Math.log(probability), leastLogProbability);
  return {token, logprob, bytes: [...Buffer.from(token)]};
}

/** One token for the answer. */
function usageOf(text: string): object {
  const prompt = tokensOf(text);
  return {prompt_tokens: prompt, completion_tokens: 1, total_tokens: prompt + 1};
}

/**
 * The fields of a chat request that are read. Fields that steer how a language model writes are accepted and ignored.
 */
interface ChatRequest extends FormWanted {
  readonly model?: string | null | undefined;
  readonly messages: readonly Message[];
  readonly n?: number | null | undefined;
  readonly logprobs?: boolean | null | undefined;
  /** Number of classes to return with their log-probabilities. */
  readonly top_logprobs?: number | null | undefined;
  readonly stream?: boolean | null | undefined;
  readonly stream_options?: {readonly include_usage?: boolean | null | undefined} | null | undefined;
}

interface Message {
  readonly role: string;
  readonly content?: string | readonly Part[] | null | undefined;
}

interface Part {
  readonly type: string;
  readonly text?: string | undefined;
  readonly image_url?: {readonly url: string} | undefined;
}

const part: z.ZodType<Part> = z.object({
  type: z.string(),
  text: z.string().optional(),
  image_url: z.object({url: z.string()}).optional(),
});

const message: z.ZodType<Message> = z.object({
  role: z.string(),
  content: z.union([z.string(), z.array(part)]).nullish(),
});

const chatRequest: z.ZodType<ChatRequest> = z.intersection(
  formWanted,
  z.object({
    model: z.string().nullish(),
    messages: z.array(message).min(1),
    n: z.number().nullish(),
    logprobs: z.boolean().nullish(),
    top_logprobs: z.number().int().min(0).max(20).nullish(),
    stream: z.boolean().nullish(),
    stream_options: z.object({include_usage: z.boolean().nullish()}).nullish(),
  }),
);

/** @throws RequestFailure 400 that names the field */
function readChatRequest(body: unknown): ChatRequest {
  const parsed = chatRequest.safeParse(body);
  if (!parsed.success) {
    const [field] = parsed.error.issues[0]?.path ?? [];
    throw new RequestFailure(400, z.prettifyError(parsed.error), field === undefined ? {} : {param: String(field)});
  }
  const {n, logprobs, top_logprobs} = parsed.data;
  if ((n ?? 1) !== 1) {
    throw new RequestFailure(400, 'This model gives one answer. Leave `n` out.', {
      param: 'n',
      code: 'unsupported_value',
    });
  }
  if (top_logprobs && !logprobs) {
    throw new RequestFailure(400, '`top_logprobs` goes with `logprobs: true`.', {param: 'top_logprobs'});
  }
  return parsed.data;
}

/**
 * The text to classify: the user's last message, or the part of it that the prompt encloses.
 *
 * @throws RequestFailure 400 if there is no such text
 */
/** The text or the JSON of a record to classify, or the data URL of an image. */
function askedIn({messages}: ChatRequest, promptText: PromptText, kind: ServedInput['kind'] | undefined): string {
  const last = messages.findLast(({role}) => role === 'user');
  if (last === undefined) throw misfit('There is no message of role `user`. This service classifies the last one.');
  if (kind === 'image') return imageIn(last);
  const text = promptText(contentOf(last));
  if (text !== undefined) return text;
  throw misfit("The last message of the user doesn't match the prompt that this service was started with.");
}

/** The words beside an image are not read: the model was trained for its one question. */
function imageIn({content}: Message): string {
  const parts = typeof content === 'string' ? [] : (content ?? []);
  const images = parts.flatMap(({image_url: shown}) => shown?.url ?? []);
  if (images.length === 1) return images[0]!;
  throw misfit(`This model reads one image, and the message has ${images.length}. Give it as \`image_url\`.`);
}

function contentOf({content}: Message): string {
  if (typeof content === 'string') return content;
  const texts = (content ?? []).map(({type, text}) => {
    if (type === 'text' && text !== undefined) return text;
    throw misfit(`This model reads texts, and the message has a part of type \`${type}\`.`);
  });
  return texts.join('');
}

function misfit(problem: string): RequestFailure {
  return new RequestFailure(400, problem, {param: 'messages'});
}
