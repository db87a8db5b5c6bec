import type {z} from 'zod';
import {InputError} from '../../src/errors.ts';
import {kinds} from '../../src/options.ts';
import type {Answer, Detail} from '../../src/teacher.ts';
import {type LabelWords, plainLabelReader, type Unread} from '../_answers/labels.ts';
import {type ScoreMeaning, scoreDetail, scoreReader} from '../_answers/scores.ts';

/** The form of answers of a user's own program: a label, or scores of a kind. */
export interface GivenForm extends LabelWords {
  readonly scores?: ScoreMeaning | undefined;
  readonly topK?: number | undefined;
}

/** The kinds of options of a person. */
export const HUMAN_KINDS: Readonly<Record<string, z.ZodType>> = {
  path: kinds.text,
  classes: kinds.texts,
  show: kinds.call,
  delimiter: kinds.text,
  people: kinds.texts,
  confidence: kinds.flag,
};

/** @throws InputError if this is no list of classes, or no such scores can be given */
export function checkForm(adapter: string, {classes, scores, topK}: GivenForm): void {
  const fail = (problem: string): never => {
    throw new InputError(`${adapter}: ${problem}`);
  };
  if (classes.length === 0) fail('`classes` is empty. Name the classes in order.');
  const twice = classes.find((name, index) => classes.indexOf(name) !== index);
  if (twice !== undefined) fail(`\`classes\` names \`${twice}\` twice. Name each class once.`);
  if (topK === undefined) return;
  if (scores === undefined || scores === 'logits') {
    fail('`topK` goes with `scores` of probabilities, log-probabilities or percentages.');
  }
  if (!Number.isInteger(topK) || topK < 1 || topK > classes.length) {
    fail(`Expected \`topK\` to be a whole number from 1 to ${classes.length}, got ${topK}.`);
  }
}

/** @throws InputError if one of these is no whole number above 0 */
export function checkCounts(adapter: string, counts: Readonly<Record<string, number>>): void {
  for (const [option, count] of Object.entries(counts)) {
    if (Number.isInteger(count) && count > 0) continue;
    throw new InputError(`${adapter}: Expected \`${option}\` to be a whole number above 0, got ${count}.`);
  }
}

/** Returns a reader of the label or the scores, which returns the reason if there is no answer. */
export function givenReader({scores, topK, ...words}: GivenForm): (value: unknown) => Answer | Unread {
  if (scores === undefined) return plainLabelReader(words);
  return scoreReader({...words, meaning: scores, ...(topK !== undefined && {topK})});
}

export function givenDetail({scores, topK}: Pick<GivenForm, 'scores' | 'topK'>): Detail {
  if (scores === undefined) return {kind: 'label'};
  return scoreDetail({meaning: scores, ...(topK !== undefined && {topK})});
}
