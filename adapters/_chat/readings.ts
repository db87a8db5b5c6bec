import type {LabelAnswer, TopKAnswer, VotesAnswer} from '../../src/teacher.ts';
import {unknownLabel} from '../_answers/aliases.ts';
import type {ChatWords, Completion, Unanswered} from './dialect.ts';
import {projectCompletion} from './projection.ts';
import {labelText, parseLabel} from './projection-text.ts';

/** Returns the class that a completion names, by its code, its name or an alias. */
export function readLabel(completion: Completion, words: ChatWords): LabelAnswer | Unanswered {
  const label = labelOf(completion, words);
  return typeof label === 'number' ? {kind: 'label', label} : label;
}

/** Counts how often one reply names each class. Completions that name no class are left out, unless all are such. */
export function readVotes(
  completions: readonly Completion[],
  words: ChatWords,
  samples: number,
): VotesAnswer | Unanswered {
  if (completions.length < samples) {
    const problem = `It gave ${completions.length} answers, though ${samples} were asked for. Leave \`samples\` out, and ask with \`repeat(teacher, {samples: ${samples}})\`.`;
    return {problem, unreadable: false};
  }
  const labels = completions.map(completion => labelOf(completion, words));
  const counts = new Uint32Array(words.classes.length);
  for (const label of labels) if (typeof label === 'number') counts[label]!++;
  const isNamed = labels.some(label => typeof label === 'number');
  return isNamed ? {kind: 'votes', counts} : (labels[0] as Unanswered);
}

/** Returns the class that a completion names and its stated confidence. The other classes share the remainder. */
export function readConfidence(completion: Completion, words: ChatWords): TopKAnswer | Unanswered {
  const label = labelOf(completion, words);
  if (typeof label !== 'number') return label;
  const percent = Number(/"confidence"\s*:\s*"?(\d+(?:\.\d+)?)/.exec(completion.text)?.[1]);
  // A number between 0 and 1 can be a share of 1 or of 100, so it is refused.
  if (!(percent <= 100) || (percent > 0 && percent < 1)) {
    return {problem: 'It does not say how sure it is, from 0 to 100. Check the prompt.', unreadable: true};
  }
  const probability = Math.max(percent / 100, LEAST_CONFIDENCE);
  return {
    kind: 'top-k',
    classes: Int32Array.of(label),
    logProbabilities: Float32Array.of(Math.log(probability)),
    rest: 1 - probability,
  };
}

/** Half a percent stands for zero, which has no logarithm. */
const LEAST_CONFIDENCE = 0.005;

/**
 * Returns the distribution over classes by the log-probabilities of a free completion.
 *
 * @param temperature - the temperature they were divided by; undefined if they are the model's own
 */
export function readLogProbabilities(
  completion: Completion,
  {codes}: ChatWords,
  temperature: number | undefined,
): TopKAnswer | Unanswered {
  if (completion.finish !== 'length' && completion.finish !== 'stop')
    return {problem: EARLY_ENDS[completion.finish], unreadable: false};
  const answer = projectCompletion(completion, {labels: codes, ...(temperature !== undefined && {temperature})});
  return typeof answer === 'string' ? {problem: answer, unreadable: false} : answer;
}

function labelOf({finish, text}: Completion, words: ChatWords): number | Unanswered {
  if (finish !== 'stop') return {problem: EARLY_ENDS[finish], unreadable: false};
  const {classes, codes, aliased} = words;
  const label = parseLabel(text, {lists: [codes, classes], aliased});
  if (label !== undefined) return label;
  const problem = `Its answer names none of the ${classes.length} classes`;
  return {...unknownLabel(labelText(text), words, problem, 'Check the prompt.'), unreadable: true};
}

/** The problem of a completion that did not end by itself. */
const EARLY_ENDS = {
  length: 'Its answer was cut off at the token limit. Raise `maxTokens`; a model that thinks first needs many more.',
  filtered: 'A content filter of the service stopped the answer.',
  refused: 'The model refused to answer about this text.',
} as const;
