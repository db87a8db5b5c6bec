import {setImmediate} from 'node:timers/promises';
import {untilAborted} from '../src/concurrency.ts';
import {InputError, TeacherError} from '../src/errors.ts';
import {checkOptions, kinds, oneOf, type Shape} from '../src/options.ts';
import type {Question} from '../src/question.ts';
import type {Answer, Input, Json, Outcome, Teacher} from '../src/teacher.ts';
import {inputsIn} from './_answers/heads.ts';
import {isUnread, type Unread, unreadError} from './_answers/labels.ts';
import type {Expected} from './_answers/questions.ts';
import type {ScoreMeaning, Scores} from './_answers/scores.ts';
import {
  checkCounts,
  checkGiven,
  givenDetails,
  givenQuestions,
  innerReader,
  shownReader,
  subjectReader,
} from './_local/given.ts';

export type {ScoreMeaning, Scores} from './_answers/scores.ts';

interface NamedCall {
  /** The name that messages use. Part of the identity. */
  readonly name: string;
  /**
   * Part of the identity. Raise it when the function's answers can change. It is required, because the function's
   * source can't tell: it holds neither what it calls, nor the model it loaded, nor the variables it closes over, and a
   * bundler rewrites it.
   */
  readonly version: string;
  /**
   * The most calls under way at once. A value above 1 helps functions that wait for something.
   *
   * @default 1
   */
  readonly concurrency?: number;
}

/** A function that chooses among classes. */
interface CommonOptions extends NamedCall {
  /** Names of the classes. They give the order of answers that are numbers or lists. */
  readonly classes: readonly string[];
  readonly questions?: undefined;
}

/** A function that answers questions. */
interface QuestionOptions extends NamedCall {
  /** The questions; see `choice`, `predicate` and `score` of `limbeck/ask`. */
  readonly questions: readonly Question[];
  readonly classes?: undefined;
}

/** The answer to each question, by its name. An `Error` stands for no answer to that question alone. */
export type ByQuestion<T> = {readonly [question: string]: T | Error};

/** The second argument of a function, beside the input. */
export interface CallContext {
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal | undefined;
}

type MaybePromise<T> = T | Promise<T>;

/** A function of one input. An error that it throws belongs to this input alone. */
interface OneByOne<T> {
  readonly batch?: false;
  readonly answer: (input: Input, context: CallContext) => MaybePromise<T>;
}

/**
 * A function of several inputs. It returns one answer per input, in the same order; an `Error` stands for no answer.
 */
interface Batched<T> {
  readonly batch: true;
  readonly answer: (inputs: readonly Input[], context: CallContext) => MaybePromise<readonly (T | Error)[]>;
  /**
   * The most inputs that the function takes.
   *
   * @default 64
   */
  readonly maxBatch?: number;
}

type Answering<T> = OneByOne<T> | Batched<T>;

/**
 * A function that gives a class: its name, or its index in `classes`. The answer to a predicate can also be true or
 * false.
 */
export type LabelCall = (
  | (CommonOptions & Answering<string | number>)
  | (QuestionOptions & Answering<ByQuestion<string | number | boolean>>)
) & {readonly scores?: undefined; readonly topK?: undefined; readonly expected?: undefined};

/** A function that gives scores. Those of a predicate can be one number: that of yes. */
export type ScoreCall = (
  | (CommonOptions & Answering<Scores>)
  | (QuestionOptions & Answering<ByQuestion<Scores | number>>)
) & {
  /** The kind of the scores. It is not guessed. */
  readonly scores: ScoreMeaning;
  /**
   * The most classes that it scores, if fewer than all. The part that is missing from a sum of 1 is kept as the rest.
   *
   * @default it scores every class
   */
  readonly topK?: number;
  /** The numbers of the levels, if a score is answered by its expected level. @default its levels are scored one by one */
  readonly expected?: Expected;
};

/** A function that gives the expected level of each question, which are scores. */
export type LevelCall = QuestionOptions &
  Answering<ByQuestion<number>> & {
    readonly expected: Expected;
    readonly scores?: undefined;
    readonly topK?: undefined;
  };

/** The result of a function that sees inside its model. */
export interface InnerScores<L = Scores> {
  readonly logits: L;
  /** Keyed by the names in `features`. */
  readonly features: {readonly [name: string]: {readonly shape: readonly number[]; readonly values: ArrayLike<number>}};
}

/** A function that gives logits and activations. Those of a predicate can be one number: the logit of yes. */
export type InnerCall = (
  | (CommonOptions & Answering<InnerScores>)
  | (QuestionOptions & Answering<InnerScores<ByQuestion<Scores | number>>>)
) & {
  readonly access: 'white-box';
  /** Names of the features. The function must return all of them every time. */
  readonly features: readonly string[];
};

const KINDS = {
  name: kinds.text,
  version: kinds.text,
  classes: kinds.texts,
  questions: kinds.list,
  concurrency: kinds.number,
  batch: kinds.flag,
  maxBatch: kinds.number,
  answer: kinds.call,
  scores: kinds.text,
  topK: kinds.number,
  expected: kinds.textOrObject,
  access: oneOf('white-box'),
  features: kinds.texts,
} satisfies Shape<
  Omit<CommonOptions, 'questions'> &
    Record<
      'questions' | 'batch' | 'maxBatch' | 'answer' | 'scores' | 'topK' | 'expected' | 'access' | 'features',
      unknown
    >
>;

/**
 * A function in this process as a teacher. It is black-box if it returns labels, gray-box if it returns scores, and
 * white-box if it returns logits and activations. Each result is checked: an unknown class, a NaN, probabilities that
 * do not sum to 1 or a list of the wrong length is the error of that one input.
 *
 * With `questions` it is called once for an input, whatever is asked about it, and returns the answer to each question.
 *
 * A Ctrl-C does not wait for a call that is under way. If the function costs money, write a teacher with a `service`
 * instead: its calls count against the budget, and its replies are kept before they are read.
 *
 * @throws InputError if the options can't be used
 */
export function callable(options: InnerCall): Teacher<'white-box'>;
export function callable(options: ScoreCall | LevelCall): Teacher<'gray-box'>;
export function callable(options: LabelCall): Teacher<'black-box'>;
export function callable(options: InnerCall | ScoreCall | LevelCall | LabelCall): Teacher {
  checkOptions('callable', options, KINDS, ['answer']);
  const {name, version, classes, questions, concurrency = 1} = options;
  const maxBatch = options.batch ? (options.maxBatch ?? 64) : 1;
  if (!name || !version) throw new InputError('callable: Give the function a `name` and a `version`.');
  const features = 'access' in options ? options.features : undefined;
  if (features && 'expected' in options) {
    throw new InputError('callable: `expected` does not go with `access`: logits have all levels.');
  }
  const {scores, topK, expected} =
    'access' in options ? {scores: 'logits' as const, topK: undefined, expected: undefined} : options;
  const form = {classes, questions, scores, topK, expected};
  checkGiven('callable', form);
  checkCounts('callable', {maxBatch, concurrency});
  const read = features ? innerReader(form, features) : subjectReader(form, shownReader);
  const details = features ? {detail: {kind: 'logits', features} as const} : givenDetails(form);
  return {
    name,
    identity: {
      adapter: 'callable',
      name,
      version,
      ...(classes && {classes}),
      scores: scores ?? null,
      ...(topK !== undefined && {topK}),
      ...(expected !== undefined && {expected: expected as Json}),
      ...(features && {features}),
    },
    access: features ? 'white-box' : (scores ?? expected) ? 'gray-box' : 'black-box',
    classes: classes ?? [],
    questions: givenQuestions(questions),
    ...details,
    maxBatch,
    concurrency,
    async ask(queries, {detail: wanted, signal} = {}) {
      // A function can compute without a pause. Signals and other work of the process get a turn before it.
      await setImmediate();
      signal?.throwIfAborted();
      const asked = inputsIn(queries);
      const inputs = asked.map(({query}) => query.input);
      const values = await untilAborted(valuesOf(options, inputs, signal), signal);
      // The function can see the signal first and throw.
      signal?.throwIfAborted();
      const wantsFeatures = wanted?.kind === 'logits' && (wanted.features?.length ?? 0) > 0;
      return asked.flatMap(({rows}, index) =>
        rows.map(row => outcomeOf(name, values[index], value => read(value, queries[row]!.question), wantsFeatures)),
      );
    },
  };
}

/** Returns what the function returned or threw for each input. */
async function valuesOf(
  {name, batch, answer}: InnerCall | ScoreCall | LevelCall | LabelCall,
  inputs: readonly Input[],
  signal: AbortSignal | undefined,
): Promise<readonly unknown[]> {
  if (!batch) return Promise.all(inputs.map(async input => answer(input, {signal})).map(settled));
  const call = async (): Promise<readonly unknown[]> => answer(inputs, {signal});
  const values: unknown = await settled(call());
  if (values instanceof Error) {
    const advice =
      'Return an Error instead of an answer for an input that it can not answer, so that the others are kept.';
    const error = failureOf(name, values, advice);
    return inputs.map(() => error);
  }
  if (Array.isArray(values) && values.length === inputs.length) return values;
  const got = Array.isArray(values) ? `${values.length} answers` : 'no list';
  const error = new TeacherError(
    name,
    `It gave ${got} for ${inputs.length} inputs. Give one answer an input, in order.`,
  );
  return inputs.map(() => error);
}

/** Returns the value of a promise, or the error that it is rejected with. */
function settled(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch(reason => (reason instanceof Error ? reason : new Error(String(reason))));
}

function outcomeOf(
  name: string,
  value: unknown,
  read: (value: unknown) => Answer | Unread | Error,
  wantsFeatures: boolean,
): Outcome {
  const answer = value instanceof Error ? value : read(value);
  if (answer instanceof Error) return {error: failureOf(name, answer)};
  if (isUnread(answer)) return {error: unreadError(name, answer, {})};
  return {answer: answer.kind === 'logits' && !wantsFeatures ? {...answer, features: {}} : answer} as Outcome;
}

/** Keeps the function's own TeacherError as it is, because it says whether to retry. */
function failureOf(name: string, cause: Error, advice = 'Mend the function, or leave this input out.'): TeacherError {
  if (cause instanceof TeacherError) return cause;
  return new TeacherError(name, `The function failed (${cause.message}). ${advice}`, {cause});
}
