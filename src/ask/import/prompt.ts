import {stringify} from 'safe-stable-stringify';
import type {Json, Teacher} from '../../teacher.ts';

/** The placeholder of the text in a teacher's own request, as its identity holds it, and in a prompt of the user. */
const TEXT = '{text}';

/** The fields of a request that make its prompt. */
const PROMPT_FIELDS = ['messages', 'system', 'instructions', 'input', 'prompt', 'contents', 'systemInstruction'];

/** The prompt of a log: how its messages hold the texts, and whether it is the teacher's own. */
export interface LoggedPrompt {
  /** The text in a message; undefined if the message does not follow the prompt that the user gave. */
  textIn(message: string): string | undefined;
  /** Whether a request has the teacher's own prompt and model. */
  isOwn(request: object, text: string): boolean;
}

/**
 * Finds texts by the prompt that the user gives, else by the teacher's own; a message with another prompt is taken for the
 * text as a whole.
 *
 * @param given - the log's prompt with `{text}` in it
 */
export function loggedPrompt({identity}: Teacher, given?: string): LoggedPrompt {
  const {request} = identity;
  const own = given === undefined ? templatesIn(identity) : [];
  return {
    textIn(message) {
      if (given !== undefined) return textBetween(given, message);
      return own.map(template => textBetween(template, message)).find(text => text !== undefined) ?? message;
    },
    isOwn: (logged, text) => isObject(request) && hasPrompt(logged as Body, filled(request, text) as Body),
  };
}

interface Body {
  readonly [field: string]: Json | undefined;
}

function isObject(value: Json | undefined): value is {readonly [field: string]: Json} {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The texts with a placeholder in an identity. */
function templatesIn(value: Json): readonly string[] {
  if (typeof value === 'string') return value.includes(TEXT) && value !== TEXT ? [value] : [];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(templatesIn) : [];
}

function textBetween(template: string, message: string): string | undefined {
  const start = template.indexOf(TEXT);
  const [before, after] = [template.slice(0, start), template.slice(start + TEXT.length)];
  const fits = message.length >= before.length + after.length && message.startsWith(before) && message.endsWith(after);
  return fits ? message.slice(before.length, message.length - after.length) : undefined;
}

function filled(value: Json, text: string): Json {
  if (typeof value === 'string') return value.replaceAll(TEXT, () => text);
  if (Array.isArray(value)) return value.map(inner => filled(inner, text));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, filled(inner, text)]));
}

function hasPrompt(logged: Body, own: Body): boolean {
  const fields = PROMPT_FIELDS.filter(field => own[field] !== undefined || logged[field] !== undefined);
  const isSame = (field: string) => stringify(own[field]) === stringify(logged[field]);
  const hasModel = logged['model'] === undefined || isSame('model');
  return fields.length > 0 && hasModel && fields.every(isSame);
}
