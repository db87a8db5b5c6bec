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
  const seen: (Pairs | undefined)[] = new Array(buckets);
  for (const [row, text] of texts.entries()) {
    const named = pairsIn(targets.subarray(row * classes, (row + 1) * classes));
    for (const [at, index] of named.classes.entries()) {
      priors[index]! += named.values[at]!;
      totals[index]! += named.values[at]! * text.length;
    }
    for (const bucket of text) {
      const own = seen[bucket];
      if (own) addTo(own, named);
      else seen[bucket] = {classes: [...named.classes], values: [...named.values]};
    }
  }
  const starts = priors.map(prior => Math.log(prior));
  const lengths = totals.map(total => Math.log(total / SMOOTHING));
  for (const pairs of seen) {
    if (pairs) for (const [at, value] of pairs.values.entries()) pairs.values[at] = Math.log(1 + value / SMOOTHING);
  }
  return text => {
    const scores = starts.map((start, index) => start - text.length * lengths[index]!);
    for (const bucket of text) {
      const gains = seen[bucket];
      if (gains === undefined) continue;
      for (let at = 0; at < gains.classes.length; at++) scores[gains.classes[at]!]! += gains.values[at]!;
    }
    return scores.indexOf(Math.max(...scores));
  };
}

/** Some classes, with how often each was seen with a bucket, or what that says for it. Most pairs were never seen. */
interface Pairs {
  readonly classes: number[];
  readonly values: number[];
}

/** The classes of a distribution that are not impossible. */
function pairsIn(distribution: Float32Array): Pairs {
  const classes = [...distribution.keys()].filter(index => distribution[index] !== 0);
  return {classes, values: classes.map(index => distribution[index]!)};
}

function addTo(sum: Pairs, named: Pairs): void {
  for (let at = 0; at < named.classes.length; at++) {
    const index = named.classes[at]!;
    // Soft labels name the same classes in the same order, again and again.
    const known = sum.classes[at] === index ? at : sum.classes.indexOf(index);
    if (known === -1) {
      sum.classes.push(index);
      sum.values.push(named.values[at]!);
    } else sum.values[known]! += named.values[at]!;
  }
}
