import type {Query, Service, Usage} from '../../teacher.ts';
import {combine, shareOf, sumOf} from '../budget/tokens.ts';
import type {Requests} from './requests.ts';

/** A kept reply, and the planned queries that it answered. */
export interface KnownReply {
  readonly usage: Usage;
  readonly queries: readonly Query[];
}

const NO_TOKENS: Usage = {inputTokens: 0, outputTokens: 0};

/**
 * The mean usage that requests are expected to have, by kept replies to queries like theirs. The worst case of a request
 * grows with its bytes, as its tokens do, so the share of it that the kept replies used is expected of the others. Their
 * texts may be longer, and their packs fuller.
 *
 * @returns undefined if nothing is known
 */
export function learnedMean(known: readonly KnownReply[], service: Service, planned: Requests): Usage | undefined {
  const pairs = known.flatMap(({usage, queries}) => {
    const worst = service.worstCase?.(queries);
    return worst ? [{usage, worst}] : [];
  });
  if (pairs.length === 0 || planned.calls === 0) return undefined;
  const actual = pairs.reduce((sum, {usage}) => sumOf(sum, usage), NO_TOKENS);
  const worst = pairs.reduce((sum, pair) => sumOf(sum, pair.worst), NO_TOKENS);
  const most = shareOf(planned.most, planned.calls);
  const expected = combine(most, combine(actual, worst, share), (tokens, used) => tokens * used);
  const {cacheReadTokens = 0, cacheWriteTokens = 0} = shareOf(actual, pairs.length);
  const {inputTokens, outputTokens} = expected;
  return {
    ...{inputTokens, outputTokens},
    // A prompt cache holds the part of the prompt that all requests share.
    ...(cacheReadTokens > 0 && {cacheReadTokens: Math.min(inputTokens, cacheReadTokens)}),
    ...(cacheWriteTokens > 0 && {cacheWriteTokens: Math.min(inputTokens - cacheReadTokens, cacheWriteTokens)}),
  };
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
