import {z} from 'zod';
import type {Usage} from '../../src/teacher.ts';

/** How replies count their tokens. */

/** A number of tokens. */
export const tokenCount: z.ZodType<number> = z.number().int().min(0);

/** A number of tokens that a reply need not have. */
export const optionalCount: z.ZodType<number | null | undefined> = tokenCount.nullish().catch(undefined);

/** What a reply says of the service's prompt cache, in tokens. */
interface PromptCacheCounts {
  readonly read?: number | null | undefined;
  readonly written?: number | null | undefined;
}

/** @param usage - its input tokens are all of the prompt: counts that are more than these are left out */
export function withPromptCache(usage: Usage, {read, written}: PromptCacheCounts): Usage {
  const [cacheReadTokens, cacheWriteTokens] = [read ?? 0, written ?? 0];
  if (cacheReadTokens + cacheWriteTokens > usage.inputTokens) return usage;
  return {
    ...usage,
    ...(cacheReadTokens > 0 && {cacheReadTokens}),
    ...(cacheWriteTokens > 0 && {cacheWriteTokens}),
  };
}

/** The details of the input tokens, in OpenAI's protocols. */
export const inputDetails: z.ZodType<OpenAiDetails | null | undefined> = z
  .object({cached_tokens: optionalCount, cache_write_tokens: optionalCount})
  .nullish()
  .catch(undefined);

interface OpenAiDetails {
  readonly cached_tokens?: number | null | undefined;
  readonly cache_write_tokens?: number | null | undefined;
}

interface OpenAiUsage {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly input_tokens_details?: OpenAiDetails | null | undefined;
}

/** The usage of OpenAI's Responses and decisions. */
export const openAiUsage: z.ZodType<OpenAiUsage> = z.object({
  input_tokens: tokenCount,
  output_tokens: tokenCount,
  input_tokens_details: inputDetails,
});

export function usageOf({input_tokens, output_tokens, input_tokens_details: details}: OpenAiUsage): Usage {
  return withPromptCache(
    {inputTokens: input_tokens, outputTokens: output_tokens},
    {read: details?.cached_tokens, written: details?.cache_write_tokens},
  );
}
