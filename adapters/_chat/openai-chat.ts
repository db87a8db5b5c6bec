import {z} from 'zod';
import {dataUrl} from '../../src/input-kinds.ts';
import type {Access, Json, Receipt, Usage} from '../../src/teacher.ts';
import {inputDetails, optionalCount, tokenCount, withPromptCache} from '../_wire/usage.ts';
import {CHAT_COST} from './cost.ts';
import type {Completion, Dialect, Finish, Step, Token} from './dialect.ts';
import type {Prompt} from './prompt.ts';

/** Reading of OpenAI's chat completions, as all services of its protocol send them. */

interface SentToken {
  readonly token: string;
  readonly logprob: number | null;
  readonly bytes?: readonly number[] | null | undefined;
  readonly id?: number | undefined;
}

/** A generated token and its alternatives. */
interface SentStep extends SentToken {
  readonly top_logprobs?: readonly SentToken[] | null | undefined;
}

const tokenSchema = z.object({
  token: z.string(),
  logprob: z.number().nullable(),
  bytes: z.array(z.number().int()).nullish(),
  // Only llama.cpp sends it.
  id: z.number().int().optional(),
});

export const stepSchema: z.ZodType<SentStep> = tokenSchema.extend({top_logprobs: z.array(tokenSchema).nullish()});

const usageSchema = z.object({
  prompt_tokens: tokenCount,
  completion_tokens: tokenCount,
  prompt_tokens_details: inputDetails,
  // DeepSeek's name.
  prompt_cache_hit_tokens: optionalCount,
});

const replySchema = z.object({
  choices: z
    .array(
      z.object({
        finish_reason: z.string().nullish(),
        message: z.object({content: z.string().nullish(), refusal: z.string().nullish()}),
        logprobs: z.object({content: z.array(stepSchema).nullish()}).nullish(),
      }),
    )
    .min(1),
});

const receiptSchema = z.object({
  model: z.string().nullish().catch(undefined),
  system_fingerprint: z.string().nullish().catch(undefined),
  usage: usageSchema.nullish().catch(undefined),
});

export function chatMessages({system, user, image}: Prompt): readonly Json[] {
  const parts = image && [{type: 'image_url', image_url: {url: dataUrl(image)}}, ...textParts(user)];
  const asked = {role: 'user', content: parts ?? user};
  return system === undefined ? [asked] : [{role: 'system', content: system}, asked];
}

/** A text beside an image: none if it is empty, because services refuse empty parts. */
function textParts(text: string): readonly Json[] {
  return text === '' ? [] : [{type: 'text', text}];
}

function chatCompletions(document: unknown): readonly Completion[] | string {
  const {data} = replySchema.safeParse(document);
  if (data === undefined) return 'Its reply is no chat completion. Check `url`.';
  return data.choices.map(({finish_reason, message, logprobs}): Completion => {
    const finish = message.refusal ? 'refused' : (FINISHES[finish_reason ?? 'stop'] ?? 'stop');
    const steps = logprobs?.content?.map(stepOf);
    return {text: message.content ?? '', finish, ...(steps && {steps})};
  });
}

const FINISHES: Readonly<Record<string, Finish>> = {length: 'length', content_filter: 'filtered'};

export function stepOf({top_logprobs, ...chosen}: SentStep): Step {
  return {chosen: tokenOf(chosen), alternatives: top_logprobs?.map(tokenOf) ?? []};
}

/** The log-probability that stands for "not in the list". */
const UNTOLD = -9999;

function tokenOf({token, logprob, bytes, id}: SentToken): Token {
  return {text: token, logProbability: logprob ?? UNTOLD, ...(bytes && {bytes}), ...(id !== undefined && {id})};
}

function chatReceipt(document: unknown): Receipt {
  const {model, system_fingerprint: fingerprint, usage} = receiptSchema.parse(document);
  return {
    ...(usage && {usage: usageOf(usage)}),
    ...(model && {model}),
    ...(fingerprint && {fingerprint}),
  };
}

function usageOf(sent: z.infer<typeof usageSchema>): Usage {
  const {prompt_tokens_details: details, prompt_cache_hit_tokens: hit} = sent;
  return withPromptCache(
    {inputTokens: sent.prompt_tokens, outputTokens: sent.completion_tokens},
    {read: details?.cached_tokens ?? hit, written: details?.cache_write_tokens},
  );
}

/** How replies of the protocol are read, and the body fields that bear on the cost. */
export const CHAT_COMPLETIONS: Pick<Dialect<Access>, 'completions' | 'receipt' | 'cost'> = {
  completions: chatCompletions,
  receipt: chatReceipt,
  cost: CHAT_COST,
};
