import type {Usage} from '../teacher.ts';
import type {QuotaKind} from './service-limits.ts';

/** What a request takes of everything that is counted. */
export type Cost = Readonly<Record<QuotaKind, number>>;

const UNKNOWN: Cost = {requests: 1, tokens: 1, inputTokens: 1, outputTokens: 1};
/** A request that was refused, or failed, cost no tokens. */
export const FAILED: Cost = {requests: 1, tokens: 0, inputTokens: 0, outputTokens: 0};

/** Of these tokens; as little as can be if they are not known. */
export function costOf(usage: Usage | undefined): Cost {
  // One NaN from a reply would stay in every sum.
  if (!usage || !Number.isFinite(usage.inputTokens + usage.outputTokens)) return UNKNOWN;
  const [inputTokens, outputTokens] = [Math.ceil(usage.inputTokens), Math.ceil(usage.outputTokens)];
  return {requests: 1, tokens: inputTokens + outputTokens, inputTokens, outputTokens};
}
