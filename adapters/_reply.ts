import {TeacherError} from '../src/errors.ts';
import type {Reply} from '../src/teacher.ts';
import type {Connection} from './_request.ts';

/** Codes with which services say, under whatever status, that an account is spent. */
const SPENT = new Set(['insufficient_quota', 'billing_hard_limit_reached', 'billing_not_active']);

/** What a status other than 200 means, without a word of the reply's body. */
export function statusError({name, key}: Pick<Connection, 'name' | 'key'>, reply: Reply): TeacherError {
  const {status} = reply;
  const isSpent = codesIn(reply).some(code => SPENT.has(code));
  const retryable = !isSpent && mayPass(status);
  const advice = isSpent ? 'The account has nothing left to spend. Top it up.' : adviceOn(status, Boolean(key()));
  return new TeacherError(name, `It answered ${status}. ${advice}`, {status, retryable});
}

/** A redirect is not followed, but one that calls itself temporary may be gone. */
function mayPass(status: number): boolean {
  return [302, 303, 307, 408, 429].includes(status) || status >= 500;
}

/** The error codes of a reply, where services put them: `{error: {code, type}}` or `{code, type}`. */
function codesIn({body}: Reply): readonly string[] {
  const document = jsonOf(body) as {readonly error?: unknown} | null | undefined;
  return [document, document?.error]
    .flatMap(part => {
      const {code, type} = (part ?? {}) as {readonly code?: unknown; readonly type?: unknown};
      return [code, type];
    })
    .filter(code => typeof code === 'string');
}

function adviceOn(status: number, hasKey: boolean): string {
  if (status === 401 || status === 403) {
    const fault = hasKey ? 'It refuses the key.' : 'It asks for a key.';
    return `${fault} Set LIMBECK_TEACHER_KEY or pass \`key\`.`;
  }
  if (status === 408 || status === 504) return 'It took too long itself. Lower `maxBatch`.';
  if (status === 413) return 'The request is too large for it. Lower `maxBatch`.';
  if (status === 429) return 'It gets too many requests. Lower `concurrency` or the rate.';
  if (status >= 500) return 'It failed. Its own log says why; a wrong shape or name of an input is a common cause.';
  if (status >= 300 && status < 400) return 'It points elsewhere. Give the address it points to as `url`.';
  return 'It does not take the request. Check the name, datatype and shape of the input, and the names of the outputs.';
}

/**
 * Parses a reply's JSON as servers written in Python make it: a bare `NaN` becomes null, a bare `Infinity` infinite.
 *
 * @throws TeacherError where the body is not JSON
 */
export function parseJson(name: string, {headers, body}: Reply): unknown {
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
