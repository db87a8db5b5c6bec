import {createHash, timingSafeEqual} from 'node:crypto';
import type {IncomingMessage, Server, ServerResponse} from 'node:http';
import {TeacherError} from '../errors.ts';
import {openAiError} from './chat-error.ts';
import type {ClientRates} from './clients.ts';
import {RequestFailure} from './failure.ts';
import type {Metrics} from './metrics.ts';
import {findRoute, type Route, type ServedReply, segmentsOf} from './router.ts';

/** What the handler of a server's requests knows. */
export interface HttpContext {
  readonly routes: readonly Route[];
  /** Any of them opens; with none all is open. */
  readonly keys: readonly string[];
  readonly rates: ClientRates | undefined;
  readonly maxBytes: number;
  readonly metrics: Metrics;
  readonly server: Server;
}

/** Status in the metrics of a request whose client went away, as nginx has it. */
const CLIENT_GONE = 499;

/** Answers one HTTP request, whatever happens. */
export async function handle(context: HttpContext, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const {metrics, server} = context;
  const ended = metrics.begin();
  const gone = new AbortController();
  let place = 'other';
  response.once('close', () => {
    const isWhole = response.writableFinished;
    if (!isWhole) gone.abort();
    ended(place, isWhole ? response.statusCode : CLIENT_GONE);
  });
  const reply = await replyTo(request, path => {
    const route = findRoute(context.routes, request.method!, path);
    place = route.name;
    if (!route.isOpen) admit(context, request);
    const body = () => readJson(request, context.maxBytes);
    return route.handle({method: request.method!, path, body, signal: gone.signal});
  });
  // A connection kept for later would keep a closing service open; one with a body half read is of no further use.
  if (!server.listening || !request.complete) response.setHeader('connection', 'close');
  const {status = 200, headers = {}, body} = reply;
  response.writeHead(status, {'content-type': 'application/json', ...headers});
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

async function replyTo(
  request: IncomingMessage,
  answer: (path: readonly string[]) => ServedReply | Promise<ServedReply>,
): Promise<ServedReply> {
  try {
    return await answer(pathOf(request));
  } catch (error) {
    const failure = error instanceof RequestFailure ? error : failureOf(error);
    const {status, headers, message} = failure;
    const isOpenAi = request.url!.startsWith('/v1/');
    return {status, headers, body: isOpenAi ? openAiError(failure) : {error: message}};
  }
}

/** What went wrong inside is not for clients. */
function failureOf(error: unknown): RequestFailure {
  if (!(error instanceof TeacherError && error.retryable)) return new RequestFailure(500, 'The model failed.');
  const wait = error.retryAfter === undefined ? undefined : Math.ceil(error.retryAfter / 1000);
  const headers = wait === undefined ? {} : {'retry-after': String(wait)};
  return new RequestFailure(503, 'The model can not be reached just now. Try again later.', {headers});
}

function pathOf({url}: IncomingMessage): string[] {
  const [path = ''] = url!.split('?');
  try {
    return segmentsOf(path).map(decodeURIComponent);
  } catch {
    throw new RequestFailure(400, 'The path is not well encoded.');
  }
}

/** Checks the key and the rate of a client, which is told apart by its key where there are several, else by its address. */
function admit({keys, rates}: HttpContext, {headers, socket}: IncomingMessage): void {
  const key = checkedKey(keys, headers.authorization);
  rates?.admit(keys.length > 1 ? `key ${key}` : (socket.remoteAddress ?? ''));
}

/** Compares digests in constant time, so that the time taken tells nothing of the keys. */
function checkedKey(keys: readonly string[], authorization: string | undefined): number {
  if (keys.length === 0) return -1;
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const given = digest(authorization ?? '');
  const equal = keys.map(key => timingSafeEqual(digest(`Bearer ${key}`), given));
  if (equal.includes(true)) return equal.indexOf(true);
  throw new RequestFailure(401, 'The key is missing or wrong. Send it as `Authorization: Bearer`.', {
    headers: {'www-authenticate': 'Bearer'},
    code: 'invalid_api_key',
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
