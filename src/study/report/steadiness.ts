import type {Results, Steadiness} from '../results.ts';
import {counted, decimal, list} from './format.ts';

/** What a reader must know of services that perturb their scores, a sentence or two each. */
export function steadinessSentences({steadiness = []}: Results): readonly string[] {
  return steadiness.flatMap(one => steadinessSentence(one) ?? []);
}

/** The same of one; undefined where its scores are the same, or as good as the same, each time. */
export function steadinessSentence({
  teacher,
  verdict,
  compared,
  flips,
  meanKl,
  fallbacks,
}: Steadiness): string | undefined {
  if (verdict !== 'perturbed') return undefined;
  const size = `by ${decimal(meanKl, 3)} nats of KL divergence on the mean of ${counted(compared, 'input')}, ${counted(flips, 'label')} with them`;
  const effect =
    fallbacks.length === 0
      ? 'The recipe learns from them nonetheless.'
      : `So ${list(fallbacks)} learn from its labels instead; \`trustsScores: true\` in the recipe learns from the scores.`;
  return `The scores of ${teacher} are others each time it is asked, ${size}. ${effect}`;
}
