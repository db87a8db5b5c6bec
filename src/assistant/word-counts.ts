/** Texts as the buckets that their words and characters hash to, and what was said of them. */
export interface CountedTexts {
  /** The buckets of each text, each once. */
  readonly texts: readonly Int32Array[];
  /** [texts, classes], each row a distribution. */
  readonly targets: Float32Array;
}

/** The share of a text that each bucket is thought to be in before any was seen. */
const SMOOTHING = 0.1;

/**
 * Naive Bayes over the buckets that a text hits: McCallum and Nigam (1998), A comparison of event models for naive Bayes
 * text classification, section 3.2. It takes a moment, and tells how far words and characters alone lead.
 *
 * @param buckets - number of buckets
 * @returns the class that it names for a text
 */
export function naiveBayes(
  {texts, targets}: CountedTexts,
  classes: number,
  buckets: number,
): (text: Int32Array) => number {
  const [totals, priors] = [new Float64Array(classes).fill(SMOOTHING * buckets), new Float64Array(classes).fill(1)];
  /** How often each class was seen with a bucket, by bucket. Most pairs were never seen. */
  const seen = new Map<number, Map<number, number>>();
  for (const [row, text] of texts.entries()) {
    for (let index = 0; index < classes; index++) {
      const sure = targets[row * classes + index]!;
      if (sure === 0) continue;
      priors[index]! += sure;
      totals[index]! += sure * text.length;
      for (const bucket of text) addTo(seen, bucket, index, sure);
    }
  }
  const starts = priors.map(prior => Math.log(prior));
  const lengths = totals.map(total => Math.log(total / SMOOTHING));
  const gains = new Map(
    Array.from(seen, ([bucket, own]) => [
      bucket,
      Array.from(own, ([index, count]) => [index, Math.log(1 + count / SMOOTHING)] as const),
    ]),
  );
  return text => {
    const scores = starts.map((start, index) => start - text.length * lengths[index]!);
    for (const bucket of text) {
      for (const [index, gain] of gains.get(bucket) ?? []) scores[index]! += gain;
    }
    return scores.indexOf(Math.max(...scores));
  };
}

function addTo(seen: Map<number, Map<number, number>>, bucket: number, index: number, sure: number): void {
  const own = seen.get(bucket) ?? new Map<number, number>();
  seen.set(bucket, own);
  own.set(index, (own.get(index) ?? 0) + sure);
}
