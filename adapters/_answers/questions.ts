import {classesOf, type Question} from '../../src/question.ts';
import type {Answer} from '../../src/teacher.ts';
import {type Aliases, plainLabelReader, type Unread} from './labels.ts';
import {fullAnswer, misread, type ScoreMeaning, scoreReader} from './scores.ts';

/** The form of the answers to each of several questions. */
export interface QuestionForm {
  /** Undefined if they are labels. */
  readonly scores?: ScoreMeaning | undefined;
  /** The most classes that are named, if fewer than all. */
  readonly topK?: number | undefined;
  readonly aliases?: Aliases | undefined;
}

/**
 * Returns a reader of the answer to a question. It takes what is taken of a choice among classes. Of a predicate it also
 * takes true and false for yes and no, and one number for that of yes: its probability, or the logit of that.
 */
export function questionReader(question: Question, form: QuestionForm): (value: unknown) => Answer | Unread {
  const {scores, topK} = form;
  const classes = classesOf(question);
  const words = {classes, ...('aliases' in form && {aliases: aliasesFor(classes, form.aliases)})};
  const isPredicate = question.type === 'predicate';
  if (scores === undefined) {
    const read = plainLabelReader(words);
    return value => (isPredicate && typeof value === 'boolean' ? {kind: 'label', label: Number(value)} : read(value));
  }
  const k = topK !== undefined && topK < classes.length ? topK : undefined;
  const read = scoreReader({...words, meaning: scores, ...(k !== undefined && {topK: k})});
  return value => (isPredicate && typeof value === 'number' ? yesAnswer(scores, value) : read(value));
}

/** The aliases that mean one of these classes. */
function aliasesFor(classes: readonly string[], aliases: Aliases = {}): Aliases {
  return Object.fromEntries(Object.entries(aliases).filter(([, name]) => classes.includes(name)));
}

/** Reads the one number of a predicate. */
export function yesAnswer(meaning: ScoreMeaning, yes: number): Answer | Unread {
  if (meaning === 'logits') return fullAnswer(meaning, [0, yes]);
  const whole = meaning === 'percentages' ? 100 : 1;
  const least = meaning === 'log-probabilities' ? Number.NEGATIVE_INFINITY : 0;
  const most = meaning === 'log-probabilities' ? 0 : whole;
  if (!(yes >= least && yes <= most)) return misread(`It gave ${yes}, and \`${meaning}\` were declared`, [yes]);
  if (meaning === 'log-probabilities') return fullAnswer(meaning, [Math.log1p(-Math.exp(yes)), yes]);
  // The difference is rounded, because 1 - 0.81 is not exactly 0.19.
  return fullAnswer(meaning, [Number((whole - yes).toFixed(12)), yes]);
}
