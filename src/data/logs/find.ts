/** Finds texts and answers in the fields of logs by the names that programs give them. */
import {InputError} from '../../errors.ts';
import {valueAt} from '../texts/fields.ts';
import {isRequest, lastAssistantText, lastUserText, unpacked} from './messages.ts';
import {type Fields, isFields} from './rows.ts';

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
