import {z} from 'zod';
import {type FormWanted, formWanted} from './chat-form.ts';
import {RequestFailure} from './failure.ts';
import type {PromptText} from './prompt-text.ts';

/** What is read of a chat request. All that steers how a language model writes is taken and left alone. */
export interface ChatRequest extends FormWanted {
  readonly messages: readonly Message[];
  readonly n?: number | null | undefined;
  readonly logprobs?: boolean | null | undefined;
  /** How many classes to name with their log-probabilities. */
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
}

const message: z.ZodType<Message> = z.object({
  role: z.string(),
  content: z.union([z.string(), z.array(z.object({type: z.string(), text: z.string().optional()}))]).nullish(),
});

const chatRequest: z.ZodType<ChatRequest> = z.intersection(
  formWanted,
  z.object({
    messages: z.array(message).min(1),
    n: z.number().nullish(),
    logprobs: z.boolean().nullish(),
    top_logprobs: z.number().int().min(0).max(20).nullish(),
    stream: z.boolean().nullish(),
    stream_options: z.object({include_usage: z.boolean().nullish()}).nullish(),
  }),
);

/** @throws RequestFailure 400 that names the field */
export function readChatRequest(body: unknown): ChatRequest {
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
 * The text to classify: the last message of the user, or what stands in it.
 *
 * @throws RequestFailure 400 where there is none
 */
export function textOf({messages}: ChatRequest, promptText: PromptText): string {
  const last = messages.findLast(({role}) => role === 'user');
  if (last === undefined) throw misfit('There is no message of role `user`, which is what is classified.');
  const text = promptText(contentOf(last));
  if (text !== undefined) return text;
  throw misfit('The last message of the user is not made from the prompt that this service was started with.');
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
