import {InputError} from '../../src/errors.ts';
import type {Question} from '../../src/question.ts';
import type {Detail, ExpectedAnswer, Teacher} from '../../src/teacher.ts';

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
