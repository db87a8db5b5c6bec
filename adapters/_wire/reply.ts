import {z} from 'zod';
import {TeacherError} from '../../src/errors.ts';
import type {Reply} from '../../src/teacher.ts';
import type {Connection} from './request.ts';
import {parsedOnce} from './whole-reply.ts';

/** A count of tokens in a reply. */
export const tokenCount: z.ZodType<number> = z.number().int().min(0);

/** Codes with which services say, under whatever status, that an account is spent. */
const SPENT = new Set([
  'insufficient_quota',
  'billing_hard_limit_reached',
  'billing_not_active',
  'billing_error',
  'enforced_spend_limit_reached',
]);

/** What a reply with a status other than 200 says of itself. */
export interface Refusal {
  readonly status: number;
  /** Short words of its body that name the error, such as `context_length_exceeded`. */
  readonly codes: readonly string[];
}

/** What a protocol's own refusals mean, where its status alone does not tell. */
export type Explain = (refusal: Refusal) => {readonly problem: string; readonly retryable?: boolean} | undefined;

/**
 * What a status other than 200 means, without a word of the reply's text.
 *
 * @param refuses - whether a reply is a refusal of the request as it is, be it for its input or for all else in it
 */
export function statusError(
  {name, key, keyVariable = 'LIMBECK_TEACHER_KEY'}: Pick<Connection, 'name' | 'key' | 'keyVariable'>,
  reply: Reply,
  explain: Explain = () => undefined,
  refuses: (reply: Reply) => boolean = refusesByStatus,
): TeacherError {
  const {status} = reply;
  const secret = key();
  const codes = codesIn(reply).filter(code => !secret || !sharesRun(code, secret));
  const isSpent = codes.some(code => SPENT.has(code));
  const own = isSpent ? spent : explain({status, codes});
  const {problem, retryable = !isSpent && mayPass(status)} = own ?? {problem: adviceOn(status, secret, keyVariable)};
  const shown = codes.length > 0 ? ` (${codes.join(', ')})` : '';
  const retryAfter = retryable ? askedWait(reply) : undefined;
  return new TeacherError(name, `It answered ${status}${shown}. ${problem}`, {
    status,
    retryable,
    ...(retryAfter !== undefined && {retryAfter}),
    ...(!retryable && !isSpent && refuses(reply) && {refusal: isOfText(reply) ? 'of-input' : 'unclear'}),
  });
}

function refusesByStatus({status}: Reply): boolean {
  return [400, 413, 422].includes(status);
}

/** Codes that say that a text is too long, or is not to be spoken of. */
const TEXT_CODES = /context_length|context_size|string_above_max|content_filter|content_policy/;

/** Words with which servers that have no codes for it say so. Only looked for: a body is never shown. */
const TEXT_WORDS =
  /context.?(length|size|window)|maximum context|too (long|many tokens|large)|input tokens|longer than|max_tokens must be/i;

function isOfText({body}: Reply): boolean {
  return TEXT_CODES.test(body) || TEXT_WORDS.test(body);
}

const spent = {problem: 'The account has nothing left to spend. Top it up.', retryable: false};

/** A redirect is not followed, but one that calls itself temporary may be gone. */
function mayPass(status: number): boolean {
  return [302, 303, 307, 408, 409, 429].includes(status) || status >= 500;
}

/** What may be shown of a body: a word that could be no text and no key, which has more digits. */
const CODE = /^(?!(?:.*\d){4})[A-Za-z][\w.]{1,48}$/;

/** Letters and digits in a row that no word of an error has in common with a key by chance. */
const RUN = 6;

/** Whether a word may be made of a key, be it cut, in another case, or backwards. */
function sharesRun(word: string, key: string): boolean {
  const fold = (text: string) => text.toLowerCase().replace(/[^a-z\d]/g, '');
  const [letters, secret] = [fold(word), fold(key)];
  const both = `${secret} ${[...secret].reverse().join('')}`;
  for (let start = 0; start + RUN <= letters.length; start++) {
    if (both.includes(letters.slice(start, start + RUN))) return true;
  }
  return letters !== '' && (letters === secret || key === word);
}

/** The error codes of a reply, where services put them: at the root or in `error`, and in a header of Amazon's. */
function codesIn({headers, body}: Reply): readonly string[] {
  const root = jsonOf(body) as CodedError | null | undefined;
  const error = root?.error as CodedError | undefined;
  const found = [root, error, error?.details as CodedError | undefined].flatMap(part =>
    part && typeof part === 'object' ? CODE_FIELDS.map(field => part[field]) : [],
  );
  // `error` may be the code itself; Amazon's types carry an address behind a colon or before a hash.
  const amazon = [headers['x-amzn-errortype'], root?.__type].map(type => String(type ?? '').replace(/^.*#|:.*$/g, ''));
  const codes = [...found, ...amazon].filter(code => typeof code === 'string' && CODE.test(code)) as string[];
  return [...new Set(codes)].filter(code => code !== 'error');
}

const CODE_FIELDS = ['code', 'type', 'status', 'error_type', 'error_code'] as const;

type CodedError = {readonly [F in (typeof CODE_FIELDS)[number] | 'error' | 'details' | '__type']?: unknown};

function adviceOn(status: number, key: string | undefined, variable: string): string {
  if (status === 401 || status === 403) {
    return `${key ? 'It refuses the key.' : 'It asks for a key.'} Set ${variable} or pass \`key\`.`;
  }
  if (status === 408 || status === 504) return 'It took too long itself. Lower `maxBatch`.';
  if (status === 409) return 'Something else was in the way of the request. Ask again later.';
  if (status === 413) return 'The request is too large for it. Lower `maxBatch`.';
  if (status === 429) return 'It gets too many requests. Lower `concurrency` or the rate.';
  if (status >= 500) return 'It failed. Its own log says why; a wrong shape or name of an input is a common cause.';
  if (status >= 300 && status < 400) return 'It points elsewhere. Give the address it points to as `url`.';
  return 'It does not take the request. Check the name, datatype and shape of the input, and the names of the outputs.';
}

/** Milliseconds. Nothing is waited for longer. */
const LONGEST_WAIT = 86_400_000;

/** Milliseconds that a reply's headers ask to wait; undefined where they say nothing, or nothing that can be read. */
function askedWait({headers}: Reply): number | undefined {
  const milliseconds = headers['retry-after-ms'] ?? headers['x-ms-retry-after-ms'];
  const after = String(headers['retry-after'] ?? '');
  const seconds = milliseconds === undefined ? Number(after || Number.NaN) : Number(milliseconds) / 1000;
  const wait = Number.isNaN(seconds) ? Date.parse(after) - Date.now() : seconds * 1000;
  return wait > 0 ? Math.min(wait, LONGEST_WAIT) : undefined;
}

/** How long to wait, where a body says it and not a header: Google's `retryDelay`, Hugging Face's `estimated_time`. */
const WAIT = /"(?:retryDelay|estimated_time)"\s*:\s*"?(\d+(?:\.\d+)?)(?:s"|[,}\s])/;

/** A refusal with the wait that its body names as a header, which is where the pace is read from. */
export function withWait(reply: Reply): Reply {
  const seconds = reply.status === 200 ? undefined : WAIT.exec(reply.body)?.[1];
  if (seconds === undefined || reply.headers['retry-after'] !== undefined) return reply;
  return {...reply, headers: {...reply.headers, 'retry-after-ms': String(Math.ceil(Number(seconds) * 1000))}};
}

/**
 * Parses a reply's JSON as servers written in Python make it: a bare `NaN` becomes null, a bare `Infinity` infinite.
 *
 * @throws TeacherError where the body is not JSON
 */
export function parseJson(name: string, reply: Reply): unknown {
  return parsedOnce(reply, whole => parseOnce(name, whole));
}

/** The same, for callers that keep what they make of it. */
export function parseOnce(name: string, {headers, body}: Reply): unknown {
  const parsed = jsonOf(body);
  if (parsed !== undefined) return parsed;
  const coding = headers['content-encoding'];
  const problem =
    coding === undefined || coding === 'identity'
      ? 'Its reply is not JSON. Check that `url` is that of an inference service.'
      : 'Its reply is compressed, which was not asked for. Check what stands between it and here.';
  // The parser's own message would quote the reply.
  throw new TeacherError(name, problem, {status: 200, unreadable: true});
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Strings are matched first, so that what they hold stays as it is.
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
