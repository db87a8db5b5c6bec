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
  const named = namedIn(targets, classes);
  const width = named.length;
  /** [buckets, named classes]: how often each class was seen with a bucket, and then what that says for the class. */
  const gains = new Float64Array(buckets * width);
  for (const [row, text] of texts.entries()) {
    for (const [at, index] of named.entries()) {
      const sure = targets[row * classes + index]!;
      if (sure === 0) continue;
      priors[index]! += sure;
      totals[index]! += sure * text.length;
      for (const bucket of text) gains[bucket * width + at]! += sure;
    }
  }
  const starts = priors.map(prior => Math.log(prior));
  const lengths = totals.map(total => Math.log(total / SMOOTHING));
  for (let at = 0; at < gains.length; at++) {
    if (gains[at] !== 0) gains[at] = Math.log(1 + gains[at]! / SMOOTHING);
  }
  return text => {
    const scores = starts.map((start, index) => start - text.length * lengths[index]!);
    for (const bucket of text) {
      for (let at = 0; at < width; at++) scores[named[at]!]! += gains[bucket * width + at]!;
    }
    return scores.indexOf(Math.max(...scores));
  };
}

/** The classes that some text may have. Of many classes, few answers name few. */
function namedIn(targets: Float32Array, classes: number): readonly number[] {
  const isNamed = new Array<boolean>(classes).fill(false);
  for (let at = 0; at < targets.length; at++) if (targets[at] !== 0) isNamed[at % classes] = true;
  return [...isNamed.keys()].filter(index => isNamed[index]);
}
