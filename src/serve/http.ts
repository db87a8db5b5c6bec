import {createHash, timingSafeEqual} from 'node:crypto';
import type {IncomingMessage, Server, ServerResponse} from 'node:http';
import {TeacherError} from '../errors.ts';
import {RequestFailure} from './failure.ts';
import {respond, type ServedModel} from './open-inference.ts';

/** What the handler of a server's requests knows. */
export interface HttpContext {
  readonly model: ServedModel;
  readonly key: string | undefined;
  readonly maxBytes: number;
  readonly server: Server;
}

/** Answers one HTTP request, whatever happens. */
export async function handle(
  {model, key, maxBytes, server}: HttpContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const reply = await replyTo(async () => {
    const path = pathOf(request);
    if (path[1] !== 'health') checkKey(key, request.headers.authorization);
    const body = () => readJson(request, maxBytes);
    return respond(model, {method: request.method!, path, body, signal: gone.signal});
  });
  // A connection kept for later would keep a closing service open; one with a body half read is of no further use.
  if (!server.listening || !request.complete) response.setHeader('connection', 'close');
  response.writeHead(reply.status, {'content-type': 'application/json', ...reply.headers});
  response.end(JSON.stringify(reply.body));
}

interface ServedReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: object;
}

async function replyTo(answer: () => Promise<object>): Promise<ServedReply> {
  try {
    return {status: 200, headers: {}, body: await answer()};
  } catch (error) {
    const {status, message, headers} = error instanceof RequestFailure ? error : failureOf(error);
    return {status, headers, body: {error: message}};
  }
}

/** What went wrong inside is not for clients. */
function failureOf(error: unknown): RequestFailure {
  if (!(error instanceof TeacherError && error.retryable)) return new RequestFailure(500, 'The model failed.');
  const wait = error.retryAfter === undefined ? undefined : Math.ceil(error.retryAfter / 1000);
  const headers = wait === undefined ? {} : {'retry-after': String(wait)};
  return new RequestFailure(503, 'The model can not be reached just now. Try again later.', headers);
}

function pathOf({url}: IncomingMessage): string[] {
  const [path = ''] = url!.split('?');
  const segments = path.split('/').filter(segment => segment !== '');
  try {
    return segments.map(decodeURIComponent);
  } catch {
    throw new RequestFailure(400, 'The path is not well encoded.');
  }
}

/** Compares digests in constant time, so that the time taken tells nothing of the key. */
function checkKey(key: string | undefined, authorization: string | undefined): void {
  if (key === undefined) return;
  const digest = (text: string) => createHash('sha256').update(text).digest();
  if (timingSafeEqual(digest(`Bearer ${key}`), digest(authorization ?? ''))) return;
  throw new RequestFailure(401, 'The key is missing or wrong. Send it as `Authorization: Bearer`.', {
    'www-authenticate': 'Bearer',
  });
}

async function readJson(request: IncomingMessage, maxBytes: number): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  // Leaving the loop early must not close the connection that the refusal goes out on.
  for await (const chunk of request.iterator({destroyOnReturn: false})) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new RequestFailure(400, 'The body is not JSON.');
  }
}

function tooLarge(maxBytes: number): RequestFailure {
  return new RequestFailure(413, `The body is larger than ${maxBytes} bytes. Send fewer inputs at once.`);
}
