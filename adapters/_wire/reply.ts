import {TeacherError} from '../../src/errors.ts';
import {imageBase64, textOf} from '../../src/input-kinds.ts';
import {markClean, replyWithoutSecrets, withoutFragments, withoutSecrets} from '../../src/secrets.ts';
import type {Input, Reply} from '../../src/teacher.ts';

/**
 * A reply as it came, without secrets, that caches its parsed form: it is read for its answers and for its receipt, but
 * parsed once. A table of all replies would cost the garbage collector more than the parsing.
 */
export class WholeReply implements Reply {
  readonly status: number;
  readonly headers: Reply['headers'];
  readonly body: string;
  #parsed: unknown;

  constructor(status: number, headers: Reply['headers'], body: string) {
    const reply = replyWithoutSecrets({headers, body});
    this.status = status;
    this.headers = reply.headers;
    this.body = reply.body;
    markClean(this);
  }

  /** Returns the cached result of `parse`. An undefined result is not cached. All calls must pass the same `parse`. */
  once<T>(parse: (reply: Reply) => T): T {
    this.#parsed ??= parse(this);
    return this.#parsed as T;
  }
}

/** Parses a whole reply once. Parses any other reply, such as one from a journal, every time. */
export function parsedOnce<T>(reply: Reply, parse: (reply: Reply) => T): T {
  return reply instanceof WholeReply ? reply.once(parse) : parse(reply);
}

/**
 * Parses a body as `lenientJson` does.
 *
 * @throws TeacherError if the body is not JSON
 */
export function parseJson(name: string, reply: Reply): unknown {
  return parsedOnce(reply, whole => parseOnce(name, whole));
}

/** Does the same without a cache, for callers that keep the result. */
export function parseOnce(name: string, {headers, body}: Reply): unknown {
  const parsed = lenientJson(body);
  if (parsed !== undefined) return parsed;
  throw new TeacherError(name, notJson(headers, body), {status: 200, unreadable: true});
}

/** The parser's own message would quote the reply. A page is no answer about an input, so its words can be shown. */
function notJson(headers: Reply['headers'], body: string): string {
  const coding = headers['content-encoding'];
  if (coding !== undefined && coding !== 'identity') {
    return 'Its reply is compressed, which was not asked for. Check the proxies between it and here.';
  }
  const words = isPage(body) ? ownWords({headers, body}) : undefined;
  const page = words === undefined ? '' : ` but a page, "${words}"`;
  return `Its reply is not JSON${page}. Check that \`url\` is that of an inference service.`;
}

/**
 * Parses JSON as servers written in Python send it: a bare `NaN` becomes null, a bare `Infinity` becomes infinite.
 *
 * @returns undefined if the text is not JSON
 */
export function lenientJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Strings are matched first, so that their content is unchanged.
    const lenient = text.replace(/"(?:[^"\\]|\\.)*"|\bNaN\b|\bInfinity\b/g, found =>
      found === 'NaN' ? 'null' : found === 'Infinity' ? '1e999' : found,
    );
    try {
      return JSON.parse(lenient);
    } catch {
      return undefined;
    }
  }
}

/** The most characters that are shown. */
const MOST = 300;

/** The most characters that are searched. */
const MOST_READ = 2000;

/**
 * Returns what a service says in a reply: in the usual fields of JSON, in an HTML page, or as plain text. Keys, parts of
 * keys, the texts that were asked about and long lists of numbers are left out.
 *
 * @param inputs - what the request was about
 * @returns undefined if it says nothing
 */
export function ownWords(
  {headers, body}: Pick<Reply, 'headers' | 'body'>,
  inputs: readonly Input[] = [],
): string | undefined {
  if (String(headers['content-type']).startsWith('application/octet-stream')) return undefined;
  const document = lenientJson(body);
  if (document !== undefined) return shownWords(sentenceIn(document), inputs);
  return shownWords(isPage(body) ? pageText(body) : body, inputs);
}

/** Returns a text of a service, or what an object of it says, as `ownWords` does. */
function shownWords(said: unknown, inputs: readonly Input[] = []): string | undefined {
  const text = typeof said === 'string' ? said : sentenceIn(said);
  const line = informative(text.slice(0, MOST_READ))
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim();
  const clean = withoutInputs(withoutFragments(withoutSecrets(line)), inputs).replace(NUMBERS, '[…]');
  if (clean.length <= MOST) return clean === '' ? undefined : clean;
  return `${clean.slice(0, MOST).replace(/\s+\S*$/, '')} …`;
}

/** True if a body is an HTML page. */
export function isPage(body: string): boolean {
  return /^\s*(<!doctype html|<html|<head|<body|<h\d)/i.test(body);
}

/** Where services explain themselves, in the order in which the fields are read. */
const FIELDS = [
  // The container's own message, which SageMaker repeats in `Message`.
  'OriginalMessage',
  'error',
  'errors',
  'detail',
  'message',
  'error_msg',
  'error_message',
  'Message',
  'msg',
  'error_description',
  'description',
  'title',
  'metadata',
  'raw',
] as const;

/** A shorter explanation, such as "Bad Request", is followed by the next one. */
const SHORT = 40;

/** A service's reply within a gateway's, with a list of problems within that. */
const DEEPEST = 7;

/** Returns the explanation in a part of a reply; an empty string if there is none. */
function sentenceIn(part: unknown, depth = 0): string {
  if (typeof part === 'string') return unwrapped(part, depth);
  if (typeof part !== 'object' || part === null || depth > DEEPEST) return '';
  if (Array.isArray(part)) {
    const said = sentenceIn(part[0], depth + 1);
    return said !== '' && part.length > 1 ? `${said} (and ${part.length - 1} more)` : said;
  }
  const fields = part as Readonly<Record<string, unknown>>;
  const found = FIELDS.map(field => sentenceIn(fields[field], depth + 1)).filter(said => said !== '');
  const [first, next] = [...new Set(found)];
  if (first === undefined) return depth === 0 ? '' : namedProblem(fields, depth);
  const isAddition = first.length < SHORT && next !== undefined && !next.includes(first);
  const said = isAddition ? `${first}: ${next}` : first;
  return `${locationIn(fields)}${said}`;
}

/** A gateway can pass on the JSON of another service as a text, after the name of an error. */
function unwrapped(text: string, depth: number): string {
  const [, json] = /^\s*(?:\w+:\s*)?([[{].*)$/s.exec(text) ?? [];
  const inner = json !== undefined && depth < DEEPEST ? lenientJson(json) : undefined;
  return (inner !== undefined && sentenceIn(inner, depth + 1)) || text;
}

/** The first problem of an object that lists problems by field. */
function namedProblem(fields: Readonly<Record<string, unknown>>, depth: number): string {
  const [field, problem] = Object.entries(fields).find(([, value]) => Array.isArray(value)) ?? [];
  const said = sentenceIn(problem, depth + 1);
  return said === '' ? '' : `${field}: ${said}`;
}

/** The field that a problem of FastAPI is about. */
function locationIn({loc}: Readonly<Record<string, unknown>>): string {
  if (!Array.isArray(loc)) return '';
  const path = (loc[0] === 'body' ? loc.slice(1) : loc).filter(step => ['string', 'number'].includes(typeof step));
  return path.length === 0 ? '' : `${path.join('.')}: `;
}

function pageText(page: string): string {
  const plain = page
    .slice(0, 10 * MOST_READ)
    .replace(/<(script|style)\b.*?<\/\1>/gis, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replace(/&(nbsp|amp|lt|gt|quot|#39);/g, (_, name: string) => ENTITIES[name] ?? ' ');
  const title = /<title[^>]*>([^<]*)/i.exec(page)?.[1]?.trim() ?? '';
  const text = plain.replace(/\s+/g, ' ').trim();
  return text.startsWith(`${title} ${title}`) ? text.slice(title.length + 1) : text;
}

const ENTITIES: Readonly<Record<string, string>> = {amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'"};

/** A stack trace of Python says what happened in its last line. Before a stack trace, the lines above it say so. */
function informative(text: string): string {
  const start = text.search(/^\s*(Traceback \(most recent call last\)|Stack ?trace:|\s+at [\w.$]+\()/im);
  if (start < 0) return text;
  const before = text.slice(0, start).trim();
  return before === '' ? text.trim().split('\n').at(-1)! : before;
}

/** A list of numbers that can be an input. */
const NUMBERS = /\[[\s[\]]*-?\d[\d.eE+-]*(?:[\s,[\]]+-?\d[\d.eE+-]*){5,}[\s\]]*\]?/g;

/** The letters and digits in a row that a sentence shares with an input only if it quotes it. */
const QUOTED = 16;

/** Returns the words without what they quote of the inputs. */
function withoutInputs(words: string, inputs: readonly Input[]): string {
  let clean = words;
  for (const input of inputs) {
    // Of an image, a service quotes the start.
    const text = input.kind === 'image' ? imageBase64(input).slice(0, 2 ** 14) : textOf(input);
    if (text !== undefined) clean = withoutText(clean, text);
  }
  return clean;
}

function withoutText(words: string, text: string): string {
  const whole = folded(text).letters;
  if (whole.length < QUOTED) return withoutQuoted(words, text.trim());
  const {letters, positions} = folded(words);
  let clean = '';
  let from = 0;
  for (let start = 0; start + QUOTED <= letters.length; start++) {
    if (!whole.includes(letters.slice(start, start + QUOTED))) continue;
    let end = start + QUOTED;
    while (end < letters.length && whole.includes(letters.slice(start, end + 1))) end++;
    clean += `${words.slice(from, positions[start])}…`;
    from = positions[end - 1]! + 1;
    start = end - 1;
  }
  return clean + words.slice(from);
}

/** A short text can be a part of any sentence, so it is left out only in quotation marks. */
function withoutQuoted(words: string, text: string): string {
  if (text === '') return words;
  return ['"', "'", '`'].reduce((clean, mark) => clean.replaceAll(`${mark}${text}${mark}`, `${mark}…${mark}`), words);
}

/** The letters and digits of a text in small letters, each with its position in the text. Escapes of JSON are left out. */
function folded(text: string): {readonly letters: string; readonly positions: readonly number[]} {
  const positions: number[] = [];
  let letters = '';
  for (const {0: sign, index} of text.matchAll(/\\[nrt]|[\p{L}\p{N}]/gu)) {
    const small = sign.startsWith('\\') ? '' : sign.toLowerCase();
    letters += small;
    for (let unit = 0; unit < small.length; unit++) positions.push(index);
  }
  return {letters, positions};
}
