import {valueAt} from '../texts/fields.ts';
import {answerIn, hasFailed, scoresIn, textIn} from './find.ts';
import {type LoggedReply, replyIn} from './messages.ts';
import {type Fields, isFields} from './rows.ts';

/** The fields of a log, by their names or paths such as `request.messages`. All are found if they are obvious. */
export interface LogFields {
  /** The text that was asked about, or the messages that hold it. */
  readonly text?: string | undefined;
  /** The answer: a label, or the reply of a language model. */
  readonly label?: string | undefined;
  /** Probabilities by class. With `*` for the name of a class it names a column per class, such as `p_*`. */
  readonly probabilities?: string | undefined;
  /** Natural log-probabilities by class, or OpenAI's list of tokens. */
  readonly logprobs?: string | undefined;
  readonly date?: string | undefined;
  readonly model?: string | undefined;
}

/** One record of a log: what was asked, and what came back. */
export interface LoggedRecord {
  /** The text itself, or the last message of the user, which can hold more than the text. */
  readonly text: string | undefined;
  /** The request that holds the text as a message; undefined if the text stands alone. */
  readonly request: Fields | undefined;
  readonly reply: LoggedReply | undefined;
  readonly probabilities: unknown;
  readonly logprobs: unknown;
  /** ISO 8601. */
  readonly date: string | undefined;
  readonly model: string | undefined;
  /** True if the log says that the request failed. */
  readonly isFailed: boolean;
  /** The fields that text and answer were found in. */
  readonly foundIn: {readonly text: string | undefined; readonly answer: string | undefined};
}

const DATES = [
  'date',
  'timestamp',
  '@timestamp',
  'created_at',
  'createdAt',
  'created',
  'start_time',
  'startTime',
  'time',
];

/**
 * Finds text, answer and origin in a record of a log.
 *
 * @param named - the fields that the user names; a record without one of them lacks its value
 * @param classes - names of the classes, for a column per class
 * @param location - the record's, for messages
 * @throws InputError if several fields could be the text or the answer
 */
export function recordIn(fields: Fields, named: LogFields, classes: readonly string[], location: string): LoggedRecord {
  const text = textIn(fields, named.text, location);
  const scores = scoresIn(fields, named, classes);
  const isScored = scores.probabilities !== undefined || scores.logprobs !== undefined;
  const answer = answerIn(fields, {named: named.label, location, isScored});
  const reply = answer && replyIn(answer.value);
  const document = reply?.document;
  const told = [answer, scores.probabilities, scores.logprobs].flatMap(found => found?.at ?? []);
  return {
    text: text?.text,
    request: text?.request,
    reply,
    probabilities: scores.probabilities?.value,
    logprobs: scores.logprobs?.value,
    date: dateOf(firstValue(fields, named.date === undefined ? DATES : [named.date]) ?? document?.['created']),
    model: modelOf(valueAt(fields, named.model ?? 'model') ?? document?.['model'] ?? text?.request?.['model']),
    isFailed: hasFailed(fields, isFields(answer?.value) ? answer.value : undefined),
    foundIn: {text: text?.at, answer: told.length === 0 ? undefined : told.join(', ')},
  };
}

/** The options whose fields a record has. */
export function namedIn(fields: Fields, named: LogFields, classes: readonly string[]): readonly (keyof LogFields)[] {
  const options = ['text', 'label', 'probabilities', 'logprobs', 'date', 'model'] as const;
  return options.filter(option => {
    const path = named[option]?.replace('*', () => classes[0]!);
    return path !== undefined && valueAt(fields, path) !== undefined;
  });
}

function firstValue(fields: Fields, names: readonly string[]): unknown {
  return names.map(name => valueAt(fields, name)).find(value => value !== undefined && value !== null && value !== '');
}

/** Seconds below this, milliseconds from it on: both are days of this century. */
const LEAST_MILLISECONDS = 1e11;

/** Reads seconds or milliseconds since 1970, or a date as a text. */
function dateOf(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const number = typeof value === 'number' || typeof value === 'bigint' || /^\d+(?:\.\d+)?$/.test(String(value));
  const [given, text] = [Number(value), value instanceof Date ? value.toISOString() : String(value)];
  const time = number ? given * (given < LEAST_MILLISECONDS ? 1000 : 1) : Date.parse(text);
  return Math.abs(time) < 8.64e15 ? new Date(time).toISOString() : undefined;
}

function modelOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
