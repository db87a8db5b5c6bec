import {type Dispatcher, request} from 'undici';
import {InputError, TeacherError} from '../src/errors.ts';

/** A service over HTTP, as requests to it need it. */
export interface Service {
  /** The teacher's name, for messages. */
  readonly name: string;
  /** Read anew for every request; undefined sends none. */
  readonly key: () => string | undefined;
  /** Milliseconds that one request may take, from connection to the last byte. */
  readonly timeout: number;
  readonly dispatcher: Dispatcher;
}

export interface Reply {
  readonly status: number;
  readonly text: string;
  /** Milliseconds that the service asked to wait. */
  readonly retryAfter: number | undefined;
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
 * Posts JSON and reads the reply whole, whatever its status.
 *
 * @throws TeacherError where no reply comes; the signal's reason after an abort. Neither holds the key or the body
 */
export async function postJson(service: Service, url: string, body: unknown, signal?: AbortSignal): Promise<Reply> {
  signal?.throwIfAborted();
  const limit = AbortSignal.timeout(service.timeout);
  try {
    const reply = await request(url, {
      method: 'POST',
      headers: {'content-type': 'application/json', accept: 'application/json', ...authorization(service)},
      body: JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      dispatcher: service.dispatcher,
      // The limit above holds for the whole request; undici's own, for parts of it, would cut in earlier.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    const {statusCode: status, headers} = reply;
    return {status, text: await reply.body.text(), retryAfter: waitIn(headers['retry-after'])};
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof TeacherError) throw error;
    throw limit.aborted ? slow(service) : unreached(service, url, error);
  }
}

function authorization({name, key}: Service): {authorization: string} | undefined {
  const value = key();
  if (!value) return undefined;
  // Checked here, since the HTTP library's own message would not say which header.
  if (!/^[\x21-\x7e]+$/.test(value)) {
    throw new TeacherError(name, 'Its key holds characters that a header can not carry. Check for stray line ends.');
  }
  return {authorization: `Bearer ${value}`};
}

function slow({name, timeout}: Service): TeacherError {
  return new TeacherError(name, `It did not answer within ${timeout} ms. Raise \`timeout\` or lower \`maxBatch\`.`, {
    retryable: true,
  });
}

function unreached({name}: Service, url: string, cause: unknown): TeacherError {
  const code = (cause as {readonly code?: unknown}).code;
  const {host, hostname} = new URL(url);
  switch (code) {
    case 'ENOTFOUND':
      return new TeacherError(name, `There is no host ${hostname}. Check \`url\`.`, {cause});
    case 'ECONNREFUSED':
      return new TeacherError(name, `Nothing answers at ${host}. Check \`url\`, and that the service runs.`, {
        cause,
        retryable: true,
      });
    default:
      return new TeacherError(name, `The connection to ${host} failed (${code}). Check the network and \`url\`.`, {
        cause,
        retryable: true,
      });
  }
}

/** Seconds or a date, as `Retry-After` has them, in milliseconds from now. */
function waitIn(header: string | readonly string[] | undefined): number | undefined {
  if (typeof header !== 'string') return undefined;
  const wait = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}

/** What a status other than 2xx means, without a word of the reply's body. */
export function statusError({name, key}: Service, {status, retryAfter}: Reply): TeacherError {
  const retryable = status === 408 || status === 429 || status >= 500;
  const details = {status, retryable, ...(retryAfter !== undefined && {retryAfter})};
  return new TeacherError(name, `It answered ${status}. ${adviceOn(status, Boolean(key()))}`, details);
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
 * Parses JSON as servers written in Python make it: a bare `NaN` becomes null, a bare `Infinity` infinite.
 *
 * @throws TeacherError where the text is not JSON
 */
export function parseJson({name}: Pick<Service, 'name'>, text: string): unknown {
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
      // The parser's own message would quote the reply.
      throw new TeacherError(name, 'Its reply is not JSON. Check that `url` is that of an inference service.');
    }
  }
}
