import type {Completion, Finish, Step, Token, Unanswered} from './dialect.ts';
import {EARLY_ENDS} from './modes.ts';

/** Reading of the fields of a JSON object that a language model wrote, as far as it wrote them. */

/** A field of an object, with the location of its value: bytes, without the quotes of a text. */
export interface Field {
  readonly name: string;
  /** Its value as a text; of an object or a list its JSON. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** The tokens of the value and those that it shares with what is around it; absent without log-probabilities. */
  readonly steps?: readonly Step[] | undefined;
}

const TEXT = String.raw`"(?:[^"\\]|\\.)*"`;
const NAME = new RegExp(String.raw`\s*(${TEXT})\s*:\s*`, 'y');
const VALUE = new RegExp(TEXT, 'y');
const WORD = /[^\s,}\]"]+(?=[\s,}\]])/y;
const COMMA = /\s*,/y;
/** A bracket, or a text that can hold some. */
const BRACKET = new RegExp(`${TEXT}|[{}[\\]]`, 'g');

/**
 * Returns the fields of the first object in a completion, in its order. A field whose value is not complete is left out,
 * with all that comes after it.
 */
export function fieldsIn({text, steps}: Pick<Completion, 'text' | 'steps'>): readonly Field[] {
  const tokens = steps && tokensOf(steps);
  const bytes = tokens ? Buffer.concat(tokens.map(token => Buffer.from(bytesOf(token)))) : Buffer.from(text);
  // In this encoding a character is a byte.
  const written = bytes.toString('latin1');
  const fields: Field[] = [];
  let at = written.indexOf('{') + 1;
  while (at > 0) {
    const [whole, name] = matchAt(NAME, written, at) ?? [];
    if (whole === undefined) break;
    const start = at + whole.length;
    const length = lengthOfValue(written, start);
    if (length === undefined) break;
    const end = start + length;
    const value = span(written, start, end);
    const located = steps && tokens ? stepsAt(steps, tokens, value) : undefined;
    fields.push({name: textOf(name!), text: textOf(written.slice(start, end)), ...value, steps: located});
    const comma = matchAt(COMMA, written, end);
    at = comma ? end + comma[0].length : 0;
  }
  return fields;
}

/** Undefined if the service does not say which tokens were generated. */
function tokensOf(steps: readonly Step[]): readonly Token[] | undefined {
  const tokens = steps.flatMap(({chosen}) => chosen ?? []);
  return tokens.length === steps.length && tokens.length > 0 ? tokens : undefined;
}

function bytesOf({text, bytes}: Token): readonly number[] {
  return bytes?.length ? bytes : [...Buffer.from(text)];
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}

/** Undefined if the value has no end. */
function lengthOfValue(text: string, start: number): number | undefined {
  if (text[start] === '"') return matchAt(VALUE, text, start)?.[0].length;
  if (text[start] !== '{' && text[start] !== '[') return matchAt(WORD, text, start)?.[0].length;
  let depth = 0;
  for (let found = matchAt(BRACKET, text, start); found; found = matchAt(BRACKET, text, BRACKET.lastIndex)) {
    if (found[0] === '{' || found[0] === '[') depth++;
    else if (found[0] === '}' || found[0] === ']') depth--;
    if (depth === 0) return BRACKET.lastIndex - start;
  }
  return undefined;
}

function span(text: string, start: number, end: number): Pick<Field, 'start' | 'end'> {
  return text[start] === '"' ? {start: start + 1, end: end - 1} : {start, end};
}

/** Returns what a text of JSON says; another value, and a text with an escape that JSON does not have, as it is. */
function textOf(written: string): string {
  const json = Buffer.from(written, 'latin1').toString('utf8');
  if (!json.startsWith('"')) return json;
  try {
    return JSON.parse(json) as string;
  } catch {
    return json.slice(1, -1);
  }
}

/**
 * Returns the tokens of a value, from the first one that reaches into it to the one that shows its end. What the first
 * one holds before the value is taken off it and its alternatives. An alternative that differs before the value, or ends
 * there, says nothing of the value, and is left out.
 */
function stepsAt(
  steps: readonly Step[],
  tokens: readonly Token[],
  {start, end}: Pick<Field, 'start' | 'end'>,
): readonly Step[] {
  const found: Step[] = [];
  let at = 0;
  for (const [index, step] of steps.entries()) {
    const own = bytesOf(tokens[index]!);
    const next = at + own.length;
    if (next > start && at <= end) found.push(found.length > 0 ? step : withoutHead(step, own.slice(0, start - at)));
    at = next;
  }
  return found;
}

function withoutHead({chosen, alternatives}: Step, head: readonly number[]): Step {
  if (head.length === 0) return {chosen, alternatives};
  const cut = (token: Token): Token | undefined => {
    const own = bytesOf(token);
    if (own.length <= head.length || head.some((byte, index) => own[index] !== byte)) return undefined;
    const bytes = own.slice(head.length);
    return {...token, text: Buffer.from(bytes).toString('utf8'), bytes};
  };
  return {chosen: chosen && cut(chosen), alternatives: alternatives.flatMap(token => cut(token) ?? [])};
}

/**
 * Returns the value of one field of an answer as if the model had written nothing else.
 *
 * @param isOwn - true for the field
 */
export function valueIn(
  {finish, fields}: {readonly finish: Finish; readonly fields: readonly Field[]},
  isOwn: (field: Field) => boolean,
): Completion | Unanswered {
  if (finish === 'refused' || finish === 'filtered') return {problem: EARLY_ENDS[finish], unreadable: false};
  const [field, ...others] = fields.filter(isOwn);
  if (others.length > 0) return {problem: `It gave ${others.length + 1} answers.`, unreadable: true};
  if (field) return {text: field.text, finish: 'stop', ...(field.steps && {steps: field.steps})};
  if (finish === 'length') return {problem: EARLY_ENDS.length, unreadable: false};
  const problem =
    fields.length > 0 ? 'It gave no answer.' : 'Its reply is no JSON object. Check `structured` and the prompt.';
  return {problem, unreadable: true};
}
