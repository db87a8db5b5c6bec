import {createHash} from 'node:crypto';
import type {Dispatcher} from 'undici';
import {InputError, TeacherError} from '../../src/errors.ts';
import {keepSecret} from '../../src/secrets.ts';
import type {Reply} from '../../src/teacher.ts';
import {ReplyHandler} from './reply-handler.ts';

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
