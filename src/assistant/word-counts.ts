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
  const counts = new Float64Array(classes * buckets).fill(SMOOTHING);
  const [totals, priors] = [new Float64Array(classes).fill(SMOOTHING * buckets), new Float64Array(classes).fill(1)];
  for (const [row, text] of texts.entries()) {
    for (let index = 0; index < classes; index++) {
      const sure = targets[row * classes + index]!;
      if (sure === 0) continue;
      priors[index]! += sure;
      totals[index]! += sure * text.length;
      for (const bucket of text) counts[index * buckets + bucket]! += sure;
    }
  }
  return text => {
    let [best, most] = [0, Number.NEGATIVE_INFINITY];
    for (let index = 0; index < classes; index++) {
      let score = Math.log(priors[index]!) - text.length * Math.log(totals[index]!);
      for (const bucket of text) score += Math.log(counts[index * buckets + bucket]!);
      if (score > most) [best, most] = [index, score];
    }
    return best;
  };
}
