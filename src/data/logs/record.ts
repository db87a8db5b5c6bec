/** Finds texts and answers in the fields of logs by the names that programs give them. */
import {InputError} from '../../errors.ts';
import {valueAt} from '../texts/record.ts';
import {isRequest, type LoggedReply, lastAssistantText, lastUserText, replyIn, unpacked} from './messages.ts';
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

/** A field and its value. */
export interface Found {
  readonly at: string;
  readonly value: unknown;
}

export interface FoundText {
  readonly at: string;
  /** The text itself, or the last message of the user. */
  readonly text: string | undefined;
  /** The request that holds the text as a message. */
  readonly request: Fields | undefined;
}

const TEXTS = ['sentence', 'utterance', 'document', 'query', 'question', 'input', 'prompt', 'content', 'request'];
const REQUESTS = [
  ...['request.body', 'request', 'messages', 'body', 'params', 'kwargs', 'input', 'inputs', 'contents', 'prompt'],
];
const ANSWERS = [
  ...['label', 'class', 'category', 'intent', 'prediction', 'predicted', 'answer'],
  ...['response', 'output', 'outputs', 'completion', 'result', 'reply', 'generation'],
];
const PROBABILITIES = ['probabilities', 'probs', 'class_probabilities', 'distribution'];
const LOGPROBS = ['logprobs', 'log_probabilities', 'logProbabilities', 'log_probs'];

/** The field `text`, else a request to a language model, else the one field that can be a text. */
export function textIn(fields: Fields, named: string | undefined, location: string): FoundText | undefined {
  if (named !== undefined) return textOf({at: named, value: valueAt(fields, named)});
  if (typeof fields['text'] === 'string') return {at: 'text', text: fields['text'], request: undefined};
  const request = firstOf(fields, REQUESTS, value => isRequest(unpacked(value)));
  if (request !== undefined) return textOf(request);
  const texts = TEXTS.filter(name => typeof fields[name] === 'string');
  if (texts.length > 1) throw ambiguous(location, texts, 'text');
  const [name] = texts;
  return name === undefined ? undefined : {at: name, text: fields[name] as string, request: undefined};
}

function textOf({at, value}: Found): FoundText {
  const content = unpacked(value);
  if (!isRequest(content)) return {at, text: typeof value === 'string' ? value : undefined, request: undefined};
  return {at, text: lastUserText(content), request: isFields(content) ? content : {messages: content}};
}

interface AnswerSearch {
  readonly named: string | undefined;
  readonly location: string;
  /** True if the record has probabilities, which then are its answer. */
  readonly isScored: boolean;
}

/** The one field that can be an answer, else a completion that is the record itself, else the last message. */
export function answerIn(fields: Fields, {named, location, isScored}: AnswerSearch): Found | undefined {
  const names = named === undefined ? ANSWERS : [named];
  const present = names.filter(name => !isNothing(valueAt(fields, name)));
  if (present.length > 1) throw ambiguous(location, present, 'label');
  const [name] = present;
  if (name !== undefined) return innermost(name, valueAt(fields, name));
  if (named !== undefined) return undefined;
  if (Array.isArray(fields['choices']) || Array.isArray(fields['candidates'])) return {at: 'choices', value: fields};
  if (isScored) return undefined;
  const said = lastAssistantText(unpacked(fields['messages'])) ?? lastAssistantText(fields['contents']);
  return said === undefined ? undefined : {at: 'messages', value: said};
}

/** The reply within the envelope of a batch's results. */
function innermost(at: string, value: unknown): Found {
  const content = unpacked(value);
  if (isFields(content) && isFields(content['body'])) return {at: `${at}.body`, value: content['body']};
  if (isFields(content) && content['type'] === 'succeeded') return {at: `${at}.message`, value: content['message']};
  return {at, value};
}

interface Scores {
  readonly probabilities: Found | undefined;
  readonly logprobs: Found | undefined;
}

export function scoresIn(
  fields: Fields,
  named: {readonly probabilities?: string | undefined; readonly logprobs?: string | undefined},
  classes: readonly string[],
): Scores {
  const find = (path: string | undefined, names: readonly string[]): Found | undefined =>
    path?.includes('*') ? columnsIn(fields, path, classes) : firstOf(fields, path === undefined ? names : [path]);
  return {probabilities: find(named.probabilities, PROBABILITIES), logprobs: find(named.logprobs, LOGPROBS)};
}

/** The columns of the classes, by their names. */
function columnsIn(fields: Fields, pattern: string, classes: readonly string[]): Found | undefined {
  const columns = classes.flatMap(name => {
    const value = valueAt(
      fields,
      pattern.replace('*', () => name),
    );
    return isNothing(value) ? [] : [[name, value] as const];
  });
  return columns.length === 0 ? undefined : {at: pattern, value: Object.fromEntries(columns)};
}

function firstOf(
  fields: Fields,
  names: readonly string[],
  fits: (value: unknown) => boolean = () => true,
): Found | undefined {
  for (const at of names) {
    const value = valueAt(fields, at);
    if (!isNothing(value) && fits(value)) return {at, value};
  }
  return undefined;
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

/**
 * Whether a log says that no answer came: by a status, an error, or the type of a batch's result.
 *
 * @param body - of the reply
 */
export function hasFailed({error, status, status_code, response, result}: Fields, body: Fields | undefined): boolean {
  if (!isNothing(error) && error !== false) return true;
  if (isFields(result) && ['errored', 'canceled', 'expired'].includes(String(result['type']))) return true;
  const statuses = [status, status_code, isFields(response) ? response['status_code'] : undefined];
  return statuses.some(code => Number(code) >= 400) || !isNothing(body?.['error']);
}

function ambiguous(location: string, names: readonly string[], option: 'text' | 'label'): InputError {
  const what = option === 'text' ? 'text' : 'answer';
  return new InputError(
    `${location}: ${names.map(name => `\`${name}\``).join(' and ')} could each be the ${what}. Name the right one with \`--${option}\`.`,
  );
}
