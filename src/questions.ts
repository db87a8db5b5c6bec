import {hash} from 'node:crypto';
import {stringify} from 'safe-stable-stringify';
import {InputError} from './errors.ts';
import type {
  ChoiceQuestion,
  Option,
  PredicateQuestion,
  Question,
  Questions,
  ScoreQuestion,
  Source,
} from './question.ts';
import type {Detail, Json, Query, Teacher} from './teacher.ts';

/** Names, or names with their descriptions, in order. */
export type OptionNames = readonly string[] | Readonly<Record<string, string>>;

/**
 * A question with several options, one of which is the answer.
 *
 * @param options - their names, or names and descriptions, in the order in which they are asked about
 * @throws InputError if there are less than two options, or one has no name or that of another
 * @example
 * ```ts
 * import {choice} from 'limbeck/ask';
 *
 * export const topic = choice('topic', 'What is the message about?', {
 *   billing: 'Invoices, prices, refunds.',
 *   bug: 'Something does not work.',
 *   other: 'Anything else.',
 * });
 * ```
 */
export function choice(name: string, instructions: string, options: OptionNames): ChoiceQuestion {
  return {type: 'choice', name, instructions, options: optionsOf(name, 'options', options)};
}

/**
 * A question whose answer is no or yes.
 *
 * @param criteria - when the answer is no, and when it is yes
 * @default criteria none
 */
export function predicate(
  name: string,
  instructions: string,
  criteria: Pick<PredicateQuestion, 'no' | 'yes'> = {},
): PredicateQuestion {
  return {type: 'predicate', name, instructions, ...criteria};
}

/**
 * A question whose answer is one of several levels in their order.
 *
 * @param levels - their names, or names and descriptions, from the lowest to the highest
 * @throws InputError if there are less than two levels, or one has no name or that of another
 */
export function score(name: string, instructions: string, levels: OptionNames): ScoreQuestion {
  return {type: 'score', name, instructions, levels: optionsOf(name, 'levels', levels)};
}

function optionsOf(question: string, what: string, options: OptionNames): readonly Option[] {
  const named = Array.isArray(options)
    ? (options as readonly string[]).map(name => ({name}))
    : Object.entries(options).map(([name, description]) => ({name, description}));
  checkNames(named, `question \`${question}\``, what);
  return named;
}

/** The fewest options or levels of a question. */
const LEAST_OPTIONS = 2;

function checkNames(options: readonly Option[], owner: string, what: string): void {
  if (options.length < LEAST_OPTIONS) {
    throw new InputError(`Expected \`${what}\` of ${owner} to be ${LEAST_OPTIONS} or more, got ${options.length}.`);
  }
  const seen = new Set<string>();
  for (const {name} of options) {
    if (typeof name !== 'string' || name === '') throw new InputError(`One of the ${what} of ${owner} has no name.`);
    if (seen.has(name))
      throw new InputError(`Two of the ${what} of ${owner} have the name \`${name}\`. Give each its own.`);
    seen.add(name);
  }
}

/** The most that a service takes; undefined: as many as anybody has. */
export interface QuestionLimits {
  readonly options?: number;
  readonly levels?: number;
}

/**
 * Checks the questions of a teacher, also those that no function here made.
 *
 * @param teacher - its name, for messages
 * @throws InputError if there is none, if two have the same name, or if one can't be asked
 */
export function checkQuestions(teacher: string, questions: readonly Question[], limits: QuestionLimits = {}): void {
  if (questions.length === 0) throw new InputError(`Teacher ${teacher} has no question. Give it one or more.`);
  const seen = new Set<string>();
  for (const question of questions) {
    const {name, type} = question;
    if (typeof name !== 'string' || name === '') throw new InputError(`A question of teacher ${teacher} has no name.`);
    if (seen.has(name)) throw new InputError(`Two questions of teacher ${teacher} have the name \`${name}\`.`);
    seen.add(name);
    const owner = `question \`${name}\` of teacher ${teacher}`;
    if (type === 'choice') checkCount(question.options, {owner, what: 'options', most: limits.options});
    else if (type === 'score') checkCount(question.levels, {owner, what: 'levels', most: limits.levels});
    else if (type !== 'predicate') {
      throw new InputError(`The ${owner} has type ${JSON.stringify(type)}. Give it choice, predicate or score.`);
    }
  }
}

interface Counted {
  readonly owner: string;
  readonly what: string;
  readonly most: number | undefined;
}

function checkCount(options: readonly Option[], {owner, what, most = Number.POSITIVE_INFINITY}: Counted): void {
  checkNames(options, owner, what);
  if (options.length <= most) return;
  throw new InputError(`The ${owner} has ${options.length} ${what}, and the service takes at most ${most}.`);
}

/** True if a question is always answered in a detail of its own. */
export function hasOwnDetail({details}: Pick<Teacher, 'details'>, {question}: Pick<Query, 'question'>): boolean {
  return question !== undefined && details !== undefined && Object.hasOwn(details, question.name);
}

/**
 * The least that an answer to a question must hold.
 *
 * @param asked - what is asked of the questions that have no detail of their own
 */
export function detailFor(teacher: Pick<Teacher, 'details'>, query: Pick<Query, 'question'>, asked: Detail): Detail {
  return hasOwnDetail(teacher, query) ? teacher.details![query.question!.name]! : asked;
}

/** True if two queries ask questions about one input, so that one request can carry both. */
export function areTogether(one: Query, other: Query): boolean {
  return (
    one.question !== undefined &&
    other.question !== undefined &&
    one.input === other.input &&
    one.view === other.view &&
    one.sample === other.sample &&
    one.together === other.together
  );
}

/** True if one request can't carry one of the queries without the other. */
export function areInseparable([first, ...others]: readonly Query[]): boolean {
  return first !== undefined && others.every(other => other.together !== undefined && areTogether(first, other));
}

/**
 * The requests in which questions are asked: those that follow one another, as many as a request may carry.
 *
 * @param teacher - the questions of the teacher
 * @returns for each question, all questions of its request; undefined if no other one can change its answer
 */
export function requestsOf(
  asked: readonly Question[],
  teacher: Questions | undefined,
): readonly (readonly Question[] | undefined)[] {
  if (!teacher?.areDependent) return asked.map(() => undefined);
  const {perRequest} = teacher;
  const requests = Array.from({length: Math.ceil(asked.length / perRequest)}, (_, index) =>
    asked.slice(index * perRequest, (index + 1) * perRequest),
  );
  return requests.flatMap(together => together.map(() => (together.length > 1 ? together : undefined)));
}

/** The circumstances in which a question is asked. */
export interface AskedIn {
  /** All questions of the request, if they can change the answer. */
  readonly together?: readonly Question[] | undefined;
  /** True if names can change the answer, too. @default false */
  readonly areNamesShown?: boolean | undefined;
  /** The part of the teacher that answers it. @default the whole teacher */
  readonly source?: Source | undefined;
}

type Fields = {readonly [field: string]: Json};

/** What is known of questions: by the question, and by the questions of its request. */
interface Known {
  readonly alone: WeakMap<Question, Fields>;
  readonly among: WeakMap<readonly Question[], {readonly hash: string; readonly each: WeakMap<Question, Fields>}>;
}

const WHOLE: Source = {};

/** By what answers, with names and without. */
const [named, nameless] = [new WeakMap<Source, Known>(), new WeakMap<Source, Known>()];

function knownOf(source: Source, areNamesShown: boolean): Known {
  const bySource = areNamesShown ? named : nameless;
  const known = bySource.get(source) ?? {alone: new WeakMap(), among: new WeakMap()};
  bySource.set(source, known);
  return known;
}

/**
 * The part of a question that can change its answer: its type, its instructions, and its options in their order, with
 * the hash of all questions of its request if they matter, and what answers it. The same object each time.
 */
export function keyOf(question: Question, {together, areNamesShown = false, source = WHOLE}: AskedIn = {}): Json {
  const {alone, among} = knownOf(source, areNamesShown);
  const own = alone.get(question) ?? {...plainOf(question, areNamesShown), ...(source !== WHOLE && {source})};
  alone.set(question, own);
  if (together === undefined) return own;
  const hashOf = () => hash('sha256', stringify(together.map(other => keyOf(other, {areNamesShown}))));
  const request = among.get(together) ?? {hash: hashOf(), each: new WeakMap()};
  among.set(together, request);
  const keyed = request.each.get(question) ?? {...own, together: request.hash};
  request.each.set(question, keyed);
  return keyed;
}

function plainOf({name, ...rest}: Question, isNameShown: boolean): Fields {
  return JSON.parse(JSON.stringify(isNameShown ? {name, ...rest} : rest)) as Fields;
}
