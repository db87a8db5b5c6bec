import type {Usage} from '../../teacher.ts';

/** The counts of a usage. */
export const TOKEN_COUNTS = ['inputTokens', 'outputTokens', 'cacheReadTokens', 'cacheWriteTokens'] as const;

/** Makes each count of a usage from those of two. */
export function combine(one: Usage, other: Usage, by: (one: number, other: number) => number): Usage {
  const [inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens] = TOKEN_COUNTS.map(kind =>
    by(one[kind] ?? 0, other[kind] ?? 0),
  ) as [number, number, number, number];
  return {
    inputTokens,
    outputTokens,
    ...(cacheReadTokens > 0 && {cacheReadTokens}),
    ...(cacheWriteTokens > 0 && {cacheWriteTokens}),
  };
}

export function sumOf(one: Usage, other: Usage): Usage {
  return combine(one, other, (count, more) => count + more);
}

/** Returns the share of each count that falls to one of `parts`. */
export function shareOf(usage: Usage, parts: number): Usage {
  return combine(usage, usage, count => count / parts);
}
