import {argmaxRows, softmaxRows} from './distributions.ts';

// In this file `logits` are [count, classes], row-major, of inputs that the model did not learn from; `labels` are [count].

export interface Cascaded {
  /** Share of inputs that the model answers by itself. */
  readonly localShare: number;
  /** Share of all inputs on which the answer is the teacher's, those that the teacher itself answers included. */
  readonly agreement: number;
}

/** What becomes of these inputs where the teacher answers those of which the model is less sure than the threshold. */
export function cascaded(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  {temperature, threshold = 0}: {readonly temperature: number; readonly threshold?: number},
): Cascaded {
  const answers = answersOf(logits, labels, classes, temperature);
  const local = answers.filter(({confidence}) => confidence >= threshold);
  return {
    localShare: local.length / answers.length,
    agreement: 1 - local.filter(({isRight}) => !isRight).length / answers.length,
  };
}

/**
 * The least threshold with which a cascade agrees with the teacher as often as wanted: by what happened on these inputs,
 * and by what the model's own confidences lead to expect, since few inputs leave few mistakes to count.
 *
 * @param wanted - agreement from 0 to 1
 * @returns from 0, where the model alone is good enough, to 1
 */
export function thresholdFor(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  {temperature, agreement: wanted}: {readonly temperature: number; readonly agreement: number},
): number {
  const answers = answersOf(logits, labels, classes, temperature).sort((a, b) => b.confidence - a.confidence);
  // A hair more: 1 - 0.8 is less than 0.2.
  const allowed = (1 - wanted) * answers.length + 1e-9;
  let [wrong, expected] = [0, 0];
  let threshold = 1;
  for (const [place, {confidence, isRight}] of answers.entries()) {
    wrong += isRight ? 0 : 1;
    expected += 1 - confidence;
    if (Math.max(wrong, expected) > allowed) return threshold;
    // Answers of one confidence stand or fall together.
    if (confidence !== answers[place + 1]?.confidence) threshold = confidence;
  }
  return 0;
}

interface LocalAnswer {
  readonly confidence: number;
  readonly isRight: boolean;
}

function answersOf(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  temperature: number,
): LocalAnswer[] {
  const probabilities = softmaxRows(logits, classes, temperature);
  return Array.from(argmaxRows(logits, classes), (named, row) => ({
    confidence: Math.min(1, probabilities[row * classes + named]!),
    isRight: named === labels[row],
  }));
}
