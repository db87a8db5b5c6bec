import {createHash, timingSafeEqual} from 'node:crypto';
import type {IncomingMessage, Server, ServerResponse} from 'node:http';
import {Server as NetServer, type Socket} from 'node:net';
import {setImmediate} from 'node:timers/promises';
import {TeacherError} from '../errors.ts';
import {type BodyLimits, checkType, RequestBody} from './body.ts';
import type {ClientRates} from './clients.ts';
import type {Metrics} from './metrics.ts';
import {isPreflight, type Origins, preflightReply} from './origins.ts';
import {
  findRoute,
  openAiError,
  RequestFailure,
  type Route,
  type ServedReply,
  segmentsOf,
  systemOneError,
} from './router.ts';
import {SYSTEM_ONE} from './system-one.ts';

/** The state that the request handler needs. */
export interface HttpContext {
  readonly routes: readonly Route[];
  /** Each of them grants access. Without any, the service is open. */
  readonly keys: readonly string[];
  readonly rates: ClientRates | undefined;
  readonly origins: Origins;
  readonly bodies: BodyLimits;
  /** The most inputs in one request. */
  readonly maxInputs: number;
  readonly metrics: Metrics;
  readonly closer: Pick<Closer, 'isLast'>;
}

/** The status that metrics show if the client went away, as in nginx. */
const CLIENT_GONE = 499;

/** Milliseconds within which a client must read some of its reply. */
const READING = 60_000;

/** Answers one HTTP request, whatever happens. */
export async function handle(context: HttpContext, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const {metrics, closer} = context;
  const ended = metrics.begin();
  const gone = new AbortController();
  const body = new RequestBody(request, context.bodies);
  const call: Call = {request, body, signal: gone.signal, route: 'other', cors: {}};
  response.once('close', () => {
    const isWhole = response.writableFinished;
    if (!isWhole) gone.abort();
    body.release();
    ended(call.route, isWhole ? response.statusCode : CLIENT_GONE);
  });
  const {status = 200, headers = {}, body: said} = await replyTo(request, () => answer(context, call));
  await body.drain();
  // A kept-alive connection would hold a closing service open. A connection with a half-read body is of no further use.
  if (closer.isLast(request) || !request.complete) response.setHeader('connection', 'close');
  response.setTimeout(READING);
  response.writeHead(status, {'content-type': 'application/json', ...call.cors, ...headers});
  response.end(typeof said === 'string' ? said : JSON.stringify(said));
}

/** A request under way, and the facts known of it so far. */
interface Call {
  readonly request: IncomingMessage;
  readonly body: RequestBody;
  readonly signal: AbortSignal;
  /** Its route, for the metrics. */
  route: string;
  /** Headers of any reply to it. */
  cors: Readonly<Record<string, string>>;
}

function answer(context: HttpContext, call: Call): ServedReply | Promise<ServedReply> {
  const {request, body, signal} = call;
  const {method, headers} = request;
  call.cors = context.origins.check(headers);
  if (isPreflight(method, headers)) return preflightReply(headers);
  const path = pathOf(request);
  const route = findRoute(context.routes, method!, path);
  call.route = route.name;
  const client = route.isOpen ? undefined : admit(context, request);
  checkType(request);
  const takeInputs = (count: number) => admitInputs(context, count, client);
  return route.handle({method: method!, path, body: () => body.json(), takeInputs, signal});
}

async function replyTo(
  request: IncomingMessage,
  reply: () => ServedReply | Promise<ServedReply>,
): Promise<ServedReply> {
  try {
    return await reply();
  } catch (error) {
    const failure = error instanceof RequestFailure ? error : failureOf(error);
    const {status, headers} = failure;
    return {status, headers, body: errorBody(failure, request.url!)};
  }
}

/** A refusal in the form of the protocol that was spoken. */
function errorBody(failure: RequestFailure, url: string): object {
  if (url.split('?')[0] === SYSTEM_ONE) return systemOneError(failure);
  return url.startsWith('/v1/') ? openAiError(failure) : {error: failure.message};
}

/** Hides internal errors from clients. */
function failureOf(error: unknown): RequestFailure {
  if (!(error instanceof TeacherError && error.retryable)) return new RequestFailure(500, 'The model failed.');
  const wait = error.retryAfter === undefined ? undefined : Math.ceil(error.retryAfter / 1000);
  const headers = wait === undefined ? {} : {'retry-after': String(wait)};
  return new RequestFailure(503, "The model can't be reached just now. Try again later.", {headers});
}

function pathOf({url}: IncomingMessage): string[] {
  const [path = ''] = url!.split('?');
  try {
    return segmentsOf(path).map(decodeURIComponent);
  } catch {
    throw new RequestFailure(400, 'The path is not valid percent-encoding.');
  }
}

/**
 * Checks the key and the rate of a client. If there are several keys, the key identifies the client, else the address
 * does.
 *
 * @returns the client's identity
 */
function admit({keys, rates}: HttpContext, {headers, socket}: IncomingMessage): string {
  const key = checkedKey(keys, headers.authorization);
  const client = keys.length > 1 ? `key ${key}` : (socket.remoteAddress ?? '');
  rates?.admit(client);
  return client;
}

function admitInputs({rates, maxInputs}: HttpContext, count: number, client: string | undefined): void {
  if (count > maxInputs) {
    throw new RequestFailure(413, `The request holds ${count} inputs. Send at most ${maxInputs} at once.`);
  }
  if (client !== undefined) rates?.admitInputs(client, count);
}

/** Compares digests in constant time, so that the time taken reveals nothing about the keys. */
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

/** Closes a server. */
export interface Closer {
  /** Accepts no new connection, answers every request that was read, then ends. A second call does nothing more. */
  close(): Promise<void>;
  /**
   * True if the connection must end with the reply to this request: the server is closing, and no later request was
   * read.
   */
  isLast(request: IncomingMessage): boolean;
}

/** The requests of a connection without a complete reply, in order of arrival. */
type Unanswered = IncomingMessage[];

/** Watches the connections of a server, so that it can be closed. */
export function closerOf(server: Server): Closer {
  const connections = new Map<Socket, Unanswered>();
  server.on('connection', (socket: Socket) => {
    connections.set(socket, []);
    socket.once('close', () => connections.delete(socket));
  });
  server.on('request', (request, response) => {
    const {socket} = request;
    connections.get(socket)?.push(request);
    response.once('close', () => {
      const unanswered = connections.get(socket);
      unanswered?.splice(unanswered.indexOf(request), 1);
      if (closing && unanswered?.length === 0) socket.end();
    });
  });
  let closing: Promise<void> | undefined;
  const close = async () => {
    // The HTTP server's own method would at once drop connections with requests that have arrived but are not read yet.
    const closed = new Promise<void>(resolve => NetServer.prototype.close.call(server, () => resolve()));
    // Requests that have arrived are read in these turns of the event loop.
    await setImmediate();
    await setImmediate();
    for (const [socket, unanswered] of connections) if (unanswered.length === 0) socket.destroy();
    await closed;
    // Stops the server's timer for slow requests.
    server.close();
  };
  return {
    close: () => {
      closing ??= close();
      return closing;
    },
    isLast: request => closing !== undefined && connections.get(request.socket)?.at(-1) === request,
  };
}
