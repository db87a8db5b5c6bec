import type {Completion} from './dialect.ts';
import {type ProjectionOptions, sharedBeginning} from './projection.ts';

/** Longer codes are no letters. */
const LETTERS = 2;

/** The share of the probability that is worth a note. */
const SHARED = 0.1;

/** Returns a note if much of the probability is on tokens with which several codes begin. */
export function sharedNote(completion: Completion, options: ProjectionOptions): string | undefined {
  if (options.labels.every(code => code.length <= LETTERS)) return undefined;
  const shared = sharedBeginning(completion, options);
  if (shared === undefined || shared.probability < SHARED) return undefined;
  const [one, other] = shared.labels.map(label => `\`${options.labels[label]}\``);
  return (
    `${Math.round(100 * shared.probability)} % of the probability of an answer is on tokens such as \`${shared.text}\`, with ` +
    `which several \`codes\` begin (${one}, ${other}): it belongs to none of them and counts as rest. Leave \`codes\` out: ` +
    'each class then has a letter, which is one token.'
  );
}
