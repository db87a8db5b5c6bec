/** Stands for a probability of 0, which no softmax gives. */
export const LEAST_PROBABILITY = 1e-8;

/**
 * The share of a top-k answer's rest for each class that the answer does not name: an even part, at most the smallest
 * probability that it names (a class above that would have been named), and at least 1e-8.
 *
 * @param unnamed - how many classes it does not name
 */
export function shareOfUnnamed({
  rest,
  unnamed,
  smallest,
}: {
  readonly rest: number;
  readonly unnamed: number;
  readonly smallest: number;
}): number {
  const spread = unnamed === 0 ? 0 : rest / unnamed;
  return Math.min(Math.max(spread, LEAST_PROBABILITY), smallest);
}
