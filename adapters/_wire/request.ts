import {createHash} from 'node:crypto';
import type {Dispatcher} from 'undici';
import {InputError, TeacherError, type TeacherErrorDetails} from '../../src/errors.ts';
import {keepSecret} from '../../src/secrets.ts';
import type {Reply} from '../../src/teacher.ts';
import {WholeReply} from './whole-reply.ts';

/** A request before it says who asks. */
export interface UnsignedRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** @default none */
  readonly body?: string | Uint8Array;
}

/** A service over HTTP, as requests to it need it. */
export interface Connection {
  /** The teacher's name, for messages. */
  readonly name: string;
  /** Read anew for every request; undefined sends none. */
  readonly key: () => string | undefined;
  /**
   * Where the key may be given beside `key`, for messages.
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
  /** Milliseconds that one request may take, from connection to the last byte. */
  readonly timeout: number;
  /** The longest body of a reply, in bytes. */
  readonly maxReply: number;
  readonly dispatcher: Dispatcher;
}

/**
 * Checks the address of a service.
 *
 * @returns the address without a slash at its end
 * @throws InputError where it is no HTTP address, or holds a user, a password or a query, which could be secrets
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
 * Who is charged: the origin of an address, or what stands for it, and a short digest of the key.
 *
 * @param address - a URL or any name
 */
export function accountOf(address: string, key: string | undefined): string {
  const origin = URL.canParse(address) ? new URL(address).origin : address;
  return key ? `${origin} ${createHash('sha256').update(key).digest('hex').slice(0, 8)}` : origin;
}

/** Reads a key as it was read, and makes it known, so that no reply can have it written down. */
export function knownKey(read: () => string | undefined): () => string | undefined {
  return () => keepSecret(read());
}

/** Posts JSON, as `exchangeOnce` does. */
export function postJson(
  connection: Connection,
  url: URL,
  body: object,
  {signal, headers = {}}: {readonly signal?: AbortSignal | undefined; readonly headers?: Record<string, string>} = {},
): Promise<Reply> {
  const json = {'content-type': 'application/json', accept: 'application/json', ...headers};
  return exchangeOnce(connection, {method: 'POST', url, headers: json, body: JSON.stringify(body)}, signal);
}

/** Gets JSON, as `exchangeOnce` does. */
export async function getJson(connection: Connection, url: URL, signal?: AbortSignal): Promise<Reply> {
  return exchangeOnce(connection, {method: 'GET', url, headers: {accept: 'application/json'}}, signal);
}

/**
 * Sends one request and reads the reply whole, whatever its status. Follows no redirect.
 *
 * @throws TeacherError where no whole reply comes, which says whether the service may have heard the request; the
 * signal's reason after an abort. Neither holds the key or the body
 */
export function exchangeOnce(connection: Connection, request: UnsignedRequest, signal?: AbortSignal): Promise<Reply> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const {url, method, body = null} = request;
    const headers = {...request.headers, ...authorization(connection, request)};
    const {origin, host, pathname, search} = url;
    const handler = new ReplyHandler({connection, host, signal}, resolve, reject);
    // The handler's limit holds for the whole request; undici's own, for parts of it, would cut in earlier.
    const limits = {headersTimeout: 0, bodyTimeout: 0};
    connection.dispatcher.dispatch({origin, path: `${pathname}${search}`, method, headers, body, ...limits}, handler);
  });
}

/**
 * The headers that say who asks; none without a key.
 *
 * @throws TeacherError where no header can carry the key
 */
export function authorization(connection: Connection, request: UnsignedRequest): Readonly<Record<string, string>> {
  const {name, key, authorize = bearer} = connection;
  const value = key();
  if (!value) return {};
  // Checked here, since the HTTP library's own message would not say which header.
  if (!/^[\x21-\x7e]+$/.test(value)) {
    throw new TeacherError(name, 'Its key holds characters that a header can not carry. Check for stray line ends.');
  }
  return authorize(value, request);
}

function bearer(key: string): {readonly authorization: string} {
  return {authorization: `Bearer ${key}`};
}

type Controller = Dispatcher.DispatchController;

interface ReplyOptions {
  readonly connection: {
    /** The teacher's name, for messages. */
    readonly name: string;
    /** Milliseconds until the last byte. */
    readonly timeout: number;
    /** The longest body, in bytes. */
    readonly maxReply: number;
  };
  /** Of the service, for messages. */
  readonly host: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * Gathers the reply to one request. A handler of its own, and not undici's `request`, since only a handler learns
 * whether a request was written to a connection or waited for one to the end.
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
    this.#fail(problemWith(cause, this.#options.host), {cause, retryable: true});
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
    // A refusal is one by its status, whatever became of the rest.
    if (this.#status >= 300) this.#resolve(this.#reply());
    else this.#reject(error);
    this.#controller?.abort(error);
  }

  /** Lets go of the request; false where that was done before. */
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

function problemWith(cause: Error, host: string): string {
  const {code = cause.name} = cause as {readonly code?: string};
  if (code === 'ENOTFOUND') return `There is no host ${host}. Check \`url\`.`;
  if (code === 'ECONNREFUSED') return `Nothing answers at ${host}. Check \`url\`, and that the service runs.`;
  return `The connection to ${host} failed (${code}). Check the network and \`url\`.`;
}
