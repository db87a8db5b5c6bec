import type {z} from 'zod';
import {InputError} from '../../src/errors.ts';
import {kinds} from '../../src/options.ts';
import {classesOf, type Question, type Questions} from '../../src/question.ts';
import type {Answer, Detail, Feature, Teacher} from '../../src/teacher.ts';
import {checkSubject, NO_QUESTION} from '../_answers/heads.ts';
import {isUnread, type LabelWords, plainLabelReader, type Unread} from '../_answers/labels.ts';
import {checkExpected, detailsWith, type Expected, expectedAnswer, questionReader} from '../_answers/questions.ts';
import {type ScoreMeaning, scoreDetail, scoreReader} from '../_answers/scores.ts';

/** The form of answers of a user's own program: a label, or scores of a kind. */
export interface GivenForm extends LabelWords {
  readonly scores?: ScoreMeaning | undefined;
  readonly topK?: number | undefined;
  /** If scores are answered by one number, their expected level. */
  readonly expected?: Expected | undefined;
}

/** The same for a program that has either classes or questions. */
export interface GivenSubject extends Omit<GivenForm, 'classes'> {
  readonly classes?: readonly string[] | undefined;
  readonly questions?: readonly Question[] | undefined;
}

/** The kinds of options of a person. */
export const HUMAN_KINDS: Readonly<Record<string, z.ZodType>> = {
  path: kinds.text,
  classes: kinds.texts,
  questions: kinds.list,
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

/** As `checkForm`, for classes or questions. */
export function checkGiven(adapter: string, {classes, questions, ...form}: GivenSubject): void {
  checkSubject(adapter, {classes, questions});
  const lists = questions?.map(classesOf) ?? [classes!];
  // Questions with fewer classes than `topK` are answered whole.
  checkForm(adapter, {...form, classes: lists.reduce((one, other) => (one.length >= other.length ? one : other))});
  const stray = Object.entries(form.aliases ?? {}).find(([, name]) => lists.every(list => !list.includes(name)));
  if (form.expected !== undefined) checkLevels(adapter, form.expected, questions ?? [], form.scores);
  if (questions === undefined || stray === undefined) return;
  throw new InputError(`${adapter}: The alias \`${stray[0]}\` means \`${stray[1]}\`, which no question has.`);
}

function checkLevels(
  adapter: string,
  expected: Expected,
  questions: readonly Question[],
  scores: ScoreMeaning | undefined,
): void {
  checkExpected(adapter, expected, questions);
  const other = questions.find(({type}) => type !== 'score');
  if (other !== undefined && scores === undefined) {
    throw new InputError(
      `${adapter}: \`expected\` says how scores are answered. Say by \`scores\` how \`${other.name}\` is.`,
    );
  }
  if (other === undefined && scores !== undefined) {
    throw new InputError(`${adapter}: All questions are answered by their \`expected\` level. Leave \`scores\` out.`);
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

/** The details of a program's answers. */
export function givenDetails({questions = [], expected, ...form}: GivenSubject): Pick<Teacher, 'detail' | 'details'> {
  const isExpected = ({type}: Question) => expected !== undefined && type === 'score';
  return detailsWith(questions, isExpected, () => givenDetail(form));
}

function givenDetail({scores, topK}: Pick<GivenForm, 'scores' | 'topK'>): Detail {
  if (scores === undefined) return {kind: 'label'};
  return scoreDetail({meaning: scores, ...(topK !== undefined && {topK})});
}

/** The questions of a program that gives its answers by their names, which are therefore part of the key. */
export function givenQuestions(list: readonly Question[] | undefined): Questions | undefined {
  return list && {list, perRequest: list.length, areNamesShown: true};
}

type Reading = (value: unknown) => Answer | Unread;

/**
 * Returns a reader of what a program said about an input, for each question about it. With questions it is an object by
 * their names. An error stands for no answer to one of them.
 *
 * @param around - goes around the reading of each answer
 */
export function subjectReader(
  {classes, questions, ...form}: GivenSubject,
  around: (read: Reading) => Reading = read => read,
): (value: unknown, question: Question | undefined) => Answer | Unread | Error {
  if (questions === undefined) return around(givenReader({...form, classes: classes!}));
  const {expected} = form;
  const readerOf = (question: Question): Reading => {
    const isExpected = expected !== undefined && question.type === 'score';
    return isExpected
      ? value => expectedAnswer(value, expected, question.levels.length)
      : questionReader(question, form);
  };
  const readers = new Map(questions.map(question => [question.name, around(readerOf(question))]));
  return (value, question) => {
    const read = question && readers.get(question.name);
    if (question === undefined || read === undefined) return NO_QUESTION;
    const about = `Question \`${question.name}\`:`;
    const given = isRecord(value) && Object.hasOwn(value, question.name) ? value[question.name] : undefined;
    if (given === undefined) return `${about} It gave no answer. Let it answer by the names of the questions.`;
    if (given instanceof Error) return given;
    const answer = read(given);
    if (!isUnread(answer)) return answer;
    return typeof answer === 'string' ? `${about} ${answer}` : {...answer, problem: `${about} ${answer.problem}`};
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The most characters shown of a wrong label. */
const LONGEST_SHOWN = 40;

/** Shows a short value beside the problem. The value comes from the user's own code, so it is safe to show. */
export function shownReader(read: (value: unknown) => Answer | Unread): (value: unknown) => Answer | Unread {
  return value => {
    const answer = read(value);
    const shown = typeof value === 'string' ? JSON.stringify(value) : String(value);
    const isPlain = ['string', 'number', 'undefined'].includes(typeof value) && shown.length <= LONGEST_SHOWN;
    if (!isUnread(answer)) return answer;
    if (!isPlain) return typeof answer === 'string' || 'misread' in answer ? answer : answer.problem;
    return `${typeof answer === 'string' ? answer : answer.problem} Got: ${shown}.`;
  };
}

/** Returns a reader of logits with the activations of these names, for each question about an input. */
export function innerReader(
  form: GivenSubject,
  names: readonly string[],
): (value: unknown, question: Question | undefined) => Answer | Unread | Error {
  const readLogits = subjectReader(form);
  return (value, question) => {
    const {logits, features = {}} = (value ?? {}) as {logits?: unknown; features?: Readonly<Record<string, unknown>>};
    const answer = readLogits(logits, question);
    if (answer instanceof Error || isUnread(answer) || answer.kind !== 'logits') return answer;
    const read: Record<string, Feature> = {};
    for (const name of names) {
      const feature = featureIn(features[name]);
      if (feature === undefined) {
        return `Feature \`${name}\` is not there, does not fill its shape, or holds NaN. Give {shape, values}.`;
      }
      read[name] = feature;
    }
    return {...answer, features: read};
  };
}

/** Undefined if it is no activation. */
function featureIn(value: unknown): Feature | undefined {
  const {shape, values} = (value ?? {}) as {readonly shape?: unknown; readonly values?: unknown};
  if (!Array.isArray(shape) || !shape.every(length => Number.isInteger(length) && length >= 0)) return undefined;
  if (!Array.isArray(values) && !ArrayBuffer.isView(values)) return undefined;
  const floats = Float32Array.from(values as ArrayLike<number>);
  const size = shape.reduce((product: number, length: number) => product * length, 1);
  return floats.length === size && floats.every(Number.isFinite) ? {shape, values: floats} : undefined;
}
