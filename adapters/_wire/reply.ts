import {z} from 'zod';
import {TeacherError} from '../../src/errors.ts';
import {readLimits} from '../../src/pace/service-limits.ts';
import type {Reply} from '../../src/teacher.ts';
import type {Connection} from './request.ts';
import {isLoadingReply, WAIT_ADVICE} from './waiting.ts';
import {parsedOnce} from './whole-reply.ts';

/** A number of tokens in a reply. */
export const tokenCount: z.ZodType<number> = z.number().int().min(0);

/** Codes by which services say, under any status, that an account has no money left. */
const SPENT = new Set([
  'insufficient_quota',
  'billing_hard_limit_reached',
  'billing_not_active',
  'billing_error',
  'enforced_spend_limit_reached',
]);

/** A reply with a status other than 200. */
export interface Refusal {
  readonly status: number;
  /** Short words of its body that name the error, such as `context_length_exceeded`. */
  readonly codes: readonly string[];
}

/** Explains a protocol's own refusals that the status alone does not explain. */
export type Explain = (refusal: Refusal) => {readonly problem: string; readonly retryable?: boolean} | undefined;

/**
 * Returns the error for a status other than 200, without any of the reply's text.
 *
 * @param refuses - true if a reply refuses the request as it is, for its input or for anything else in it
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
  const {problem, retryable = !isSpent && mayPass(status)} = own ?? {problem: adviceOn(reply, secret, keyVariable)};
  const shown = codes.length > 0 ? ` (${codes.join(', ')})` : '';
  const retryAfter = retryable ? readLimits(reply.headers).retryAfter : undefined;
  const advice = retryable && isLoadingReply(reply, false) ? ` ${WAIT_ADVICE}` : '';
  return new TeacherError(name, `It answered ${status}${shown}. ${problem}${advice}`, {
    status,
    retryable,
    ...(retryAfter && {retryAfter}),
    ...(!retryable && !isSpent && refuses(reply) && {refusal: isOfText(reply) ? 'of-input' : 'unclear'}),
  });
}

function refusesByStatus({status}: Reply): boolean {
  return [400, 413, 422].includes(status);
}

/** Codes for a text that is too long, or whose content is not allowed. */
const TEXT_CODES = /context_length|context_size|string_above_max|content_filter|content_policy/;

/** Phrases with the same meaning, of servers without such codes. They are only searched for: a body is never shown. */
const TEXT_WORDS =
  /context.?(length|size|window)|maximum context|too (long|many tokens|large)|input tokens|longer than|max_tokens must be/i;

function isOfText({body}: Reply): boolean {
  return TEXT_CODES.test(body) || TEXT_WORDS.test(body);
}

const spent = {problem: 'The account has nothing left to spend. Top it up.', retryable: false};

/** A redirect is not followed, but a temporary one can be gone at the next attempt. */
function mayPass(status: number): boolean {
  return [302, 303, 307, 408, 409, 429].includes(status) || status >= 500;
}

/** The words of a body that can be shown: neither a text nor a key, which has more digits. */
const CODE = /^(?!(?:.*\d){4})[A-Za-z][\w.]{1,48}$/;

/** The most letters and digits in a row that a word of an error shares with a key by chance. */
const RUN = 6;

/** True if a word can be made of a key, even if it is shortened, in another case, or reversed. */
function sharesRun(word: string, key: string): boolean {
  const fold = (text: string) => text.toLowerCase().replace(/[^a-z\d]/g, '');
  const [letters, secret] = [fold(word), fold(key)];
  const both = `${secret} ${[...secret].reverse().join('')}`;
  for (let start = 0; start + RUN <= letters.length; start++) {
    if (both.includes(letters.slice(start, start + RUN))) return true;
  }
  return letters !== '' && (letters === secret || key === word);
}

/** Returns a reply's error codes, which services put at the root, in `error`, or in a header of Amazon's. */
function codesIn({headers, body}: Reply): readonly string[] {
  const root = jsonOf(body) as CodedError | null | undefined;
  const error = root?.error as CodedError | undefined;
  const found = [root, error, error?.details as CodedError | undefined].flatMap(part =>
    part && typeof part === 'object' ? CODE_FIELDS.map(field => part[field]) : [],
  );
  // `error` can be the code itself. Amazon's types have an address after a colon or before a hash.
  const amazon = [headers['x-amzn-errortype'], root?.__type].map(type => String(type ?? '').replace(/^.*#|:.*$/g, ''));
  const codes = [...found, ...amazon].filter(code => typeof code === 'string' && CODE.test(code)) as string[];
  return [...new Set(codes)].filter(code => code !== 'error');
}

const CODE_FIELDS = ['code', 'type', 'status', 'error_type', 'error_code'] as const;

type CodedError = {readonly [F in (typeof CODE_FIELDS)[number] | 'error' | 'details' | '__type']?: unknown};

function adviceOn({status, headers}: Reply, key: string | undefined, variable: string): string {
  if (status === 401 || status === 403) {
    return `${key ? 'It refuses the key.' : 'It asks for a key.'} Set ${variable} or pass \`key\`.`;
  }
  if (status === 408 || status === 504) return 'The service itself timed out. Lower `maxBatch`.';
  if (status === 409) return 'Something else blocked the request. Ask again later.';
  if (status === 413) return 'The request is too large for it. Lower `maxBatch`.';
  if (status === 429) return 'It gets too many requests. Lower `concurrency` or the rate.';
  if (status >= 500) return 'It failed. Its own log says why; a wrong shape or name of an input is a common cause.';
  if (status >= 300 && status < 400)
    return `It redirects ${targetIn(headers)}. Keys follow no redirect: give the right address as \`url\`.`;
  return 'It does not take the request. Check the name, datatype and shape of the input, and the names of the outputs.';
}

/** Returns the target of a redirect without its query, which can hold a secret. */
function targetIn({location}: Reply['headers']): string {
  const [path = ''] = String(location ?? '').split(/[?#]/);
  return path === '' ? 'without a target' : `to ${path.replace(/\/\/[^/]*@/, '//')}`;
}

/**
 * Parses JSON as servers written in Python send it: a bare `NaN` becomes null, a bare `Infinity` becomes infinite.
 *
 * @throws TeacherError if the body is not JSON
 */
export function parseJson(name: string, reply: Reply): unknown {
  return parsedOnce(reply, whole => parseOnce(name, whole));
}

/** Does the same without a cache, for callers that keep the result. */
export function parseOnce(name: string, {headers, body}: Reply): unknown {
  const parsed = jsonOf(body);
  if (parsed !== undefined) return parsed;
  const coding = headers['content-encoding'];
  const problem =
    coding === undefined || coding === 'identity'
      ? 'Its reply is not JSON. Check that `url` is that of an inference service.'
      : 'Its reply is compressed, which was not asked for. Check the proxies between it and here.';
  // The parser's own message would quote the reply.
  throw new TeacherError(name, problem, {status: 200, unreadable: true});
}

function jsonOf(text: string): unknown {
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
