import {judgedAnswers} from '../../../src/evaluate/calibration.ts';

/**
 * The threshold of versions without a guarantee: the lowest one at which the cascade agrees as often as wanted, on
 * inputs that students of cross-fitting did not learn from, by the students' own confidences.
 */
export function pointThreshold(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  {temperature, agreement}: {readonly temperature: number; readonly agreement: number},
): number {
  const judged = judgedAnswers(logits, labels, classes, temperature).sort((a, b) => b.confidence - a.confidence);
  const allowed = (1 - agreement) * judged.length + 1e-9;
  let [wrong, expected] = [0, 0];
  let threshold = 1;
  for (const [index, {confidence, agrees}] of judged.entries()) {
    wrong += agrees ? 0 : 1;
    expected += 1 - confidence;
    if (Math.max(wrong, expected) > allowed) return threshold;
    if (confidence !== judged[index + 1]?.confidence) threshold = confidence;
  }
  return 0;
}
