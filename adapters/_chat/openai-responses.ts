import {z} from 'zod';
import type {Receipt} from '../../src/teacher.ts';
import {tokenCount} from '../_wire/reply.ts';
import type {Completion, Finish} from './completion.ts';
import {stepOf, stepSchema} from './openai-chat.ts';

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
  usage: z.object({input_tokens: tokenCount, output_tokens: tokenCount}).nullish().catch(undefined),
});

export function responseCompletions(document: unknown): readonly Completion[] | string {
  const {data} = replySchema.safeParse(document);
  if (data === undefined) return 'Its reply is no response of the Responses API. Check `url` and `api`.';
  // Others are thoughts and calls of tools.
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

export function responseReceipt(document: unknown): Receipt {
  const {model, usage} = receiptSchema.parse(document);
  return {
    ...(usage && {usage: {inputTokens: usage.input_tokens, outputTokens: usage.output_tokens}}),
    ...(model && {model}),
  };
}
