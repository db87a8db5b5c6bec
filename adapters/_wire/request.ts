import {createHash} from 'node:crypto';
import type {Dispatcher} from 'undici';
import {InputError, TeacherError, type TeacherErrorDetails} from '../../src/errors.ts';
import {keepSecret} from '../../src/secrets.ts';
import type {Reply} from '../../src/teacher.ts';
import {WholeReply} from './reply.ts';
import {failureOf} from './transport.ts';
import type {Waiting} from './waiting.ts';

/** A request without the headers that identify the caller. */
export interface UnsignedRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** @default none */
  readonly body?: string | Uint8Array;
}

/** The properties of a service that requests over HTTP need. */
export interface Connection {
  /** The teacher's name, for messages. */
  readonly name: string;
  /** Read again for every request. If it is undefined, none is sent. */
  readonly key: () => string | undefined;
  /**
   * The environment variable that can hold the key, for messages.
   *
   * @default 'LIMBECK_TEACHER_KEY'
   */
  readonly keyVariable?: string;
  /**
   * The headers that carry the key.
   *
   * @default `authorization: Bearer` and the key
   */
  readonly authorize?: (key: string, request: UnsignedRequest) => Readonly<Record<string, string>>;
  /** Returns more headers of every request. */
  readonly headers?: () => Readonly<Record<string, string>>;
  /** Milliseconds before one request times out, from the connection to the last byte. */
  readonly timeout: number;
  /** The most bytes in the body of a reply. */
  readonly maxReply: number;
  readonly dispatcher: Dispatcher;
  /** The patience with a server that is still loading. */
  readonly waiting?: Waiting;
  /** Of the service, for messages; undefined if it is not known yet. */
  readonly address?: string | undefined;
  /** About a proxy that can have refused a request to this machine, for messages. */
  readonly detour?: string | undefined;
  /** The Unix socket that the dispatcher connects to, for messages. */
  readonly socketPath?: string | undefined;
}

/**
 * Checks the address of a service.
 *
 * @returns the address without a trailing slash
 * @throws InputError if it is no HTTP address, or holds a user, a password or a query, which could be secrets
 */
export function checkAddress(address: string): string {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw new InputError('The service has no usable `url`. Give an address such as http://127.0.0.1:8080.');
  }
  if (url.username !== '' || url.password !== '' || url.search !== '') {
    throw new InputError(
      `The \`url\` of ${url.host} holds a user, a password or a query. Give the bare address, and the key as \`key\`.`,
    );
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

/**
 * Returns the account that is charged: the origin of an address, or its replacement, and a short digest of the key.
 *
 * @param address - a URL or any name
 */
export function accountOf(address: string, key: string | undefined): string {
  const origin = URL.canParse(address) ? new URL(address).origin : address;
  return key ? `${origin} ${createHash('sha256').update(key).digest('hex').slice(0, 8)}` : origin;
}

/**
 * Returns a reader of a key. The key becomes a known secret, so that no reply that repeats it is written down.
 *
 * @param key - @default the environment variable
 */
export function knownKey(key: string | (() => string) | undefined, variable: string): () => string | undefined {
  return () => keepSecret(typeof key === 'function' ? key() : (key ?? process.env[variable]));
}

interface PostOptions {
  readonly signal?: AbortSignal | undefined;
  readonly headers?: Record<string, string>;
}

/** Posts a value as JSON by `exchangeOnce`. */
export function postJson(connection: Connection, url: URL, body: object, options?: PostOptions): Promise<Reply> {
  return postJsonText(connection, url, JSON.stringify(body), options);
}

/** Posts a text that is JSON by `exchangeOnce`. */
export function postJsonText(
  connection: Connection,
  url: URL,
  body: string,
  {signal, headers = {}}: PostOptions = {},
): Promise<Reply> {
  const json = {'content-type': 'application/json', accept: 'application/json', ...headers};
  return exchangeOnce(connection, {method: 'POST', url, headers: json, body}, signal);
}

/** Gets JSON by `exchangeOnce`. */
export async function getJson(connection: Connection, url: URL, signal?: AbortSignal): Promise<Reply> {
  return exchangeOnce(connection, {method: 'GET', url, headers: {accept: 'application/json'}}, signal);
}

/**
 * Sends one request and reads the whole reply, whatever its status. Follows no redirect. Waits for a server that is
 * still loading, if the connection does.
 *
 * @throws TeacherError if no whole reply comes; it says whether the service can have heard the request. After an abort,
 * the signal's reason. Neither holds the key or the body
 */
export function exchangeOnce(connection: Connection, request: UnsignedRequest, signal?: AbortSignal): Promise<Reply> {
  const {waiting} = connection;
  if (waiting?.isPatient) return waiting.through(() => exchangeNow(connection, request, signal), signal);
  return exchangeNow(connection, request, signal);
}

function exchangeNow(connection: Connection, request: UnsignedRequest, signal?: AbortSignal): Promise<Reply> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const {url, method, body = null} = request;
    const headers = headersOf(connection, request);
    const {origin, pathname, search} = url;
    const handler = new ReplyHandler({connection, url, signal}, resolve, reject);
    // The handler's limit is for the whole request. Undici's limits for parts of it would end it earlier.
    const limits = {headersTimeout: 0, bodyTimeout: 0};
    connection.dispatcher.dispatch({origin, path: `${pathname}${search}`, method, headers, body, ...limits}, handler);
  });
}

/** Returns all headers of a request: its own, the user's, and those that identify the caller. */
export function headersOf(connection: Connection, request: UnsignedRequest): Readonly<Record<string, string>> {
  const own = connection.headers ? {...request.headers, ...connection.headers()} : request.headers;
  return {...own, ...authorization(connection, {...request, headers: own})};
}

/**
 * Returns the headers that identify the caller; none without a key.
 *
 * @throws TeacherError if no header can hold the key
 */
function authorization(connection: Connection, request: UnsignedRequest): Readonly<Record<string, string>> {
  const {name, key, authorize = bearer} = connection;
  const value = key();
  if (!value) return {};
  // Checked here, because the HTTP library's own message would not name the header.
  if (!/^[\x21-\x7e]+$/.test(value)) {
    throw new TeacherError(name, 'Its key holds characters that a header can not hold. Check for stray line ends.');
  }
  return authorize(value, request);
}

function bearer(key: string): {readonly authorization: string} {
  return {authorization: `Bearer ${key}`};
}

type Controller = Dispatcher.DispatchController;

interface ReplyOptions {
  readonly connection: Pick<Connection, 'name' | 'timeout' | 'maxReply' | 'socketPath'>;
  readonly url: URL;
  readonly signal: AbortSignal | undefined;
}

/**
 * Collects the reply to one request. It is a handler instead of undici's `request`, because only a handler learns
 * whether a request was written to a connection or never got one.
 */
class ReplyHandler implements Dispatcher.DispatchHandler {
  readonly #options: ReplyOptions;
  readonly #resolve: (reply: Reply) => void;
  readonly #reject: (error: unknown) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #status = 0;
  #headers: Reply['headers'] = {};
  /** Undefined until the request is written. */
  #controller: Controller | undefined;
  #hasEnded = false;

  constructor(options: ReplyOptions, resolve: (reply: Reply) => void, reject: (error: unknown) => void) {
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#timer = setTimeout(this.#onTimeout, options.connection.timeout);
    options.signal?.addEventListener('abort', this.#onAbort);
  }

  onRequestStart(controller: Controller): void {
    if (this.#hasEnded) controller.abort(new Error('The request ended before it was sent.'));
    else this.#controller = controller;
  }

  onResponseStart(_controller: Controller, status: number, headers: Reply['headers']): void {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#size <= this.#options.connection.maxReply) this.#chunks.push(chunk);
    else this.#fail(this.#tooLong, {status: this.#status, unreadable: true});
  }

  onResponseEnd(): void {
    if (this.#end()) this.#resolve(this.#reply());
  }

  onResponseError(_controller: Controller, cause: Error): void {
    const {url, connection} = this.#options;
    const {problem, retryable, unsent} = failureOf(cause, url, connection.socketPath);
    if (unsent) this.#controller = undefined;
    this.#fail(problem, {cause, retryable});
  }

  readonly #onTimeout = (): void => {
    const problem = `It did not answer within ${this.#options.connection.timeout} ms. Raise \`timeout\` or lower \`maxBatch\`.`;
    this.#fail(problem, {retryable: true});
  };

  readonly #onAbort = (): void => {
    const reason = this.#options.signal?.reason;
    if (this.#end()) this.#reject(reason);
    this.#controller?.abort(reason);
  };

  get #tooLong(): string {
    return `Its reply is longer than ${this.#options.connection.maxReply} bytes. Lower \`maxBatch\` or raise \`maxReply\`.`;
  }

  #fail(problem: string, details: TeacherErrorDetails): void {
    if (!this.#end()) return;
    const inDoubt = this.#controller !== undefined;
    const error = new TeacherError(this.#options.connection.name, problem, {...details, inDoubt});
    // The status makes it a refusal, even if the rest of the reply is lost.
    if (this.#status >= 300) this.#resolve(this.#reply());
    else this.#reject(error);
    this.#controller?.abort(error);
  }

  /** Releases the request. Returns false if that was done before. */
  #end(): boolean {
    if (this.#hasEnded) return false;
    this.#hasEnded = true;
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    return true;
  }

  #reply(): Reply {
    const body = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    const isBinary = String(this.#headers['content-type']).startsWith('application/octet-stream');
    return new WholeReply(this.#status, this.#headers, body.toString(isBinary ? 'base64' : 'utf8'));
  }
}
