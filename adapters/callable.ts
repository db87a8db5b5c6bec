import {setImmediate} from 'node:timers/promises';
import {InputError, TeacherError} from '../src/errors.ts';
import type {Answer, Detail, Feature, Input, Outcome, Query, Teacher} from '../src/teacher.ts';
import {isUnread, type ScoreMeaning, type Scores, type Unread, unreadError} from './_answers/scores.ts';
import {checkCounts, checkForm, givenDetail, givenReader} from './_local/given.ts';
import {untilAborted} from './_local/until-aborted.ts';

export type {ScoreMeaning, Scores} from './_answers/scores.ts';

interface CommonOptions {
  /** What messages call it. Part of the identity. */
  readonly name: string;
  /**
   * Part of the identity: raise it whenever the function may answer otherwise. It has to be given, since the code of a
   * function does not tell: what it calls, the model it has loaded and the variables it closes over are not in it, and a
   * bundler rewrites it.
   */
  readonly version: string;
  /** Names of the classes. Answers that are numbers, or lists, go by this order. */
  readonly classes: readonly string[];
  /**
   * Calls under way at once. Above 1 it helps functions that wait for something.
   *
   * @default 1
   */
  readonly concurrency?: number;
}

/** What a function is told beside the input. */
export interface CallContext {
  /** Aborts when its answer is no longer waited for. */
  readonly signal: AbortSignal | undefined;
}

type MaybePromise<T> = T | Promise<T>;

/** A function of one input. What it throws is the error of this input. */
interface OneByOne<T> {
  readonly batch?: false;
  readonly answer: (input: Input, context: CallContext) => MaybePromise<T>;
}

/** A function of several inputs, which gives as many answers in the same order: an `Error` where it has none. */
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

/** A function that gives a class: its name, or its index in `classes`. */
export type LabelCall = CommonOptions &
  Answering<string | number> & {readonly scores?: undefined; readonly topK?: undefined};

/** A function that gives scores. */
export type ScoreCall = CommonOptions &
  Answering<Scores> & {
    /** What they are. It is not guessed. */
    readonly scores: ScoreMeaning;
    /**
     * The most classes that it scores, where these needn't be all. What is missing from a sum of 1 is kept as the rest.
     *
     * @default it scores every class
     */
    readonly topK?: number;
  };

/** What a function gives that sees inside its model. */
export interface InnerScores {
  readonly logits: Scores;
  /** By the names in `features`. */
  readonly features: {readonly [name: string]: {readonly shape: readonly number[]; readonly values: ArrayLike<number>}};
}

/** A function that gives logits and activations. */
export type InnerCall = CommonOptions &
  Answering<InnerScores> & {
    readonly access: 'white-box';
    /** Names of the features, which it gives every time. */
    readonly features: readonly string[];
  };

/**
 * A function in this process as a teacher: black-box where it gives labels, gray-box where it gives scores, white-box
 * where it gives logits and activations. What it gives is checked: a class that there isn't, a NaN, probabilities that
 * do not sum to 1, a list of the wrong length are the error of that one input.
 *
 * A call that is under way at a Ctrl-C is not waited for. For a function that costs money, write a teacher with a
 * `service` instead: its calls are counted against the budget, and its replies are kept before they are read.
 *
 * @throws InputError where the options can't be used
 */
export function callable(options: InnerCall): Teacher<'white-box'>;
export function callable(options: ScoreCall): Teacher<'gray-box'>;
export function callable(options: LabelCall): Teacher<'black-box'>;
export function callable(options: InnerCall | ScoreCall | LabelCall): Teacher {
  const {name, version, classes, concurrency = 1} = options;
  const maxBatch = options.batch ? (options.maxBatch ?? 64) : 1;
  if (!name || !version) throw new InputError('callable: Give the function a `name` and a `version`.');
  const features = 'access' in options ? options.features : undefined;
  const {scores, topK} = 'access' in options ? {scores: 'logits' as const, topK: undefined} : options;
  const form = {classes, scores, topK};
  checkForm('callable', form);
  checkCounts('callable', {maxBatch, concurrency});
  const read = features ? innerReader(form, features) : shownReader(givenReader(form));
  const detail: Detail = features ? {kind: 'logits', features} : givenDetail(form);
  return {
    name,
    identity: {
      adapter: 'callable',
      name,
      version,
      classes,
      scores: scores ?? null,
      ...(topK !== undefined && {topK}),
      ...(features && {features}),
    },
    access: features ? 'white-box' : scores ? 'gray-box' : 'black-box',
    classes,
    detail,
    maxBatch,
    concurrency,
    async ask(queries, {detail: wanted, signal} = {}) {
      // A function may compute without a pause: signals and other work of the process must have their turn.
      await setImmediate();
      signal?.throwIfAborted();
      const values = await untilAborted(valuesOf(options, queries, signal), signal);
      // The function may have heard the signal first, and thrown.
      signal?.throwIfAborted();
      const wantsFeatures = wanted?.kind === 'logits' && (wanted.features?.length ?? 0) > 0;
      return values.map(value => outcomeOf(name, value, read, wantsFeatures));
    },
  };
}

/** What the function gave for each query, or threw. */
async function valuesOf(
  {name, batch, answer}: InnerCall | ScoreCall | LabelCall,
  queries: readonly Query[],
  signal: AbortSignal | undefined,
): Promise<readonly unknown[]> {
  const inputs = queries.map(({input}) => input);
  if (!batch) return Promise.all(inputs.map(async input => answer(input, {signal})).map(settled));
  const call = async (): Promise<readonly unknown[]> => answer(inputs, {signal});
  const values: unknown = await settled(call());
  if (values instanceof Error) {
    const advice = 'Return an Error in the place of an input that it can not answer, so that the others are.';
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

/** What a promise brings, or the error that it is rejected with. */
function settled(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch(reason => (reason instanceof Error ? reason : new Error(String(reason))));
}

function outcomeOf(
  name: string,
  value: unknown,
  read: (value: unknown) => Answer | Unread,
  wantsFeatures: boolean,
): Outcome {
  if (value instanceof Error) return {error: failureOf(name, value)};
  const answer = read(value);
  if (isUnread(answer)) return {error: unreadError(name, answer, {})};
  return {answer: answer.kind === 'logits' && !wantsFeatures ? {...answer, features: {}} : answer} as Outcome;
}

/** The function's own TeacherError says what may be done, such as to ask again; it stays as it is. */
function failureOf(name: string, cause: Error, advice = 'Mend the function, or leave this input out.'): TeacherError {
  if (cause instanceof TeacherError) return cause;
  return new TeacherError(name, `The function failed (${cause.message}). ${advice}`, {cause});
}

/** The longest wrong label that is shown. */
const LONGEST_SHOWN = 40;

/** Shows a short value beside what is wrong with it: it comes from the user's own code. */
function shownReader(read: (value: unknown) => Answer | Unread): (value: unknown) => Answer | Unread {
  return value => {
    const answer = read(value);
    const shown = typeof value === 'string' ? JSON.stringify(value) : String(value);
    const isPlain = ['string', 'number', 'undefined'].includes(typeof value) && shown.length <= LONGEST_SHOWN;
    if (!isUnread(answer)) return answer;
    const problem = typeof answer === 'string' ? answer : answer.problem;
    return isPlain ? `${problem} Got: ${shown}.` : problem;
  };
}

function innerReader(
  form: Parameters<typeof givenReader>[0],
  names: readonly string[],
): (value: unknown) => Answer | Unread {
  const readLogits = givenReader(form);
  return value => {
    const {logits, features = {}} = (value ?? {}) as {logits?: unknown; features?: Readonly<Record<string, unknown>>};
    const answer = readLogits(logits);
    if (isUnread(answer) || answer.kind !== 'logits') return answer;
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

function featureIn(value: unknown): Feature | undefined {
  const {shape, values} = (value ?? {}) as {readonly shape?: unknown; readonly values?: unknown};
  if (!Array.isArray(shape) || !shape.every(length => Number.isInteger(length) && length >= 0)) return undefined;
  if (!Array.isArray(values) && !ArrayBuffer.isView(values)) return undefined;
  const floats = Float32Array.from(values as ArrayLike<number>);
  const size = shape.reduce((product: number, length: number) => product * length, 1);
  return floats.length === size && floats.every(Number.isFinite) ? {shape, values: floats} : undefined;
}
