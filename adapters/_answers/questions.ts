import {InputError} from '../../src/errors.ts';
import {classesOf, type Question} from '../../src/question.ts';
import type {Answer, Detail, ExpectedAnswer, Teacher} from '../../src/teacher.ts';
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

/** How a teacher numbers levels: from the first number for the lowest to the other one for the highest. */
export interface LevelScale {
  readonly from: number;
  readonly to: number;
}

/** The numbers of the levels: `levels` if the lowest is 0 and each is one more, or those of the lowest and the highest. */
export type Expected = 'levels' | LevelScale;

/** The most by which a number is off its scale. */
const SLACK = 1e-6;

/**
 * Returns a score that is shown as one number as an answer, or the reason that there is none, as a sentence.
 *
 * @param levels - how many there are
 */
export function expectedAnswer(score: unknown, expected: Expected, levels: number): ExpectedAnswer | string {
  const [value, ...more] = Array.isArray(score) ? (score as readonly unknown[]) : [score];
  if (typeof value !== 'number' || more.length > 0) return 'It gave no score.';
  const {from, to} = expected === 'levels' ? {from: 0, to: levels - 1} : expected;
  const level = ((value - from) / (to - from)) * (levels - 1);
  if (!(level >= -SLACK && level <= levels - 1 + SLACK)) {
    return `Its score is ${value}, and its levels go from ${from} to ${to}. Check \`expected\`.`;
  }
  return {kind: 'expected', level: Math.min(Math.max(level, 0), levels - 1)};
}

/** @throws InputError if no question is a score, or this is no scale */
export function checkExpected(owner: string, expected: Expected, questions: readonly Question[]): void {
  if (!questions.some(({type}) => type === 'score')) {
    throw new InputError(`\`expected\` of ${owner} is for scores, and none of its questions is one. Leave it out.`);
  }
  checkScale(owner, expected);
}

/** @throws InputError if this is no scale */
export function checkScale(owner: string, expected: Expected): void {
  if (expected === 'levels') return;
  const {from, to} = expected;
  if (Number.isFinite(from) && Number.isFinite(to) && from !== to) return;
  throw new InputError(
    `Expected \`expected\` of ${owner} to be 'levels', or {from, to} with the numbers of the lowest and the highest level.`,
  );
}

/**
 * The details of a teacher that answers some scores with their expected level.
 *
 * @param detailOf - of the other questions
 */
export function detailsWith(
  questions: readonly Question[],
  isExpected: (question: Question) => boolean,
  detailOf: (others: readonly Question[]) => Detail,
): Pick<Teacher, 'detail' | 'details'> {
  const scores = questions.filter(isExpected);
  if (scores.length > 0 && scores.length === questions.length) return {detail: {kind: 'expected'}};
  const detail = detailOf(questions.filter(question => !scores.includes(question)));
  if (scores.length === 0) return {detail};
  return {detail, details: Object.fromEntries(scores.map(({name}) => [name, {kind: 'expected'}]))};
}
