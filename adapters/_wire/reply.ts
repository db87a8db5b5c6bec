import {z} from 'zod';
import {TeacherError} from '../../src/errors.ts';
import type {Reply} from '../../src/teacher.ts';
import {lenientJson} from './lenient-json.ts';
import {isPage, ownWords} from './own-words.ts';
import {parsedOnce} from './whole-reply.ts';

/** A number of tokens in a reply. */
export const tokenCount: z.ZodType<number> = z.number().int().min(0);

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
