import {createHash} from 'node:crypto';
import {InputError, TeacherError} from '../../src/errors.ts';
import {keepSecret} from '../../src/secrets.ts';
import type {Connection} from './request.ts';

/** Headers by name. A function is called for every request. */
type GivenHeaders = Readonly<Record<string, string | (() => string)>>;

export interface HeaderOptions {
  /**
   * More headers of every request, for example for a gateway. Values from a function, and those of headers that are
   * named like a secret, such as `x-portkey-api-key`, are treated as keys: they are no part of the identity, and are
   * written nowhere. The identity holds digests of all others, except those that name the caller, such as `user-agent`.
   *
   * @default none
   */
  readonly headers?: GivenHeaders;
  /**
   * The header that carries the key, for example `X-API-Key: {key}`.
   *
   * @default the header of the service's protocol, mostly `Authorization: Bearer {key}`
   */
  readonly keyHeader?: string;
}

/** Names of headers that carry keys. */
const SECRET = /auth|cookie|credential|password|secret|session|signature|token|(^|[-_])(api)?key([-_]|$)/i;

/** Headers that belong to the connection, or that the HTTP client sets. */
const OWNED =
  /^(connection|content-length|expect|host|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|accept-encoding)$/i;

/** Headers that name the caller. They change no answer. */
const CALLER = /^(from|http-referer|referer|traceparent|user-agent|x-(client-)?request-id|x-(openrouter-)?title)$/;

/**
 * Returns a function that gives the headers of a request, with names in lower case.
 *
 * @param name - the teacher's name, for messages
 * @throws InputError if a header can't be sent
 */
export function readHeaders(
  name: string,
  {headers = {}, keyHeader}: HeaderOptions,
): NonNullable<Connection['headers']> {
  const keyName = keyHeader === undefined ? 'authorization' : keyHeader.split(':')[0]!.toLowerCase();
  for (const [header, value] of Object.entries(headers)) checkHeader(header, value, keyName);
  const given = Object.entries(headers).map(([header, value]) => [header.toLowerCase(), value] as const);
  return () => Object.fromEntries(given.map(([header, value]) => [header, sentValue(name, header, value)]));
}

function checkHeader(header: string, value: unknown, keyName: string): void {
  if (header.toLowerCase() === keyName) {
    throw new InputError(`The header ${header} carries the key. Give the key as \`key\`, not in \`headers\`.`);
  }
  if (OWNED.test(header)) {
    const advice = /^proxy-/i.test(header) ? ' The user and the password of a proxy go into its URL.' : '';
    throw new InputError(`The header ${header} is set by the HTTP client. Leave it out of \`headers\`.${advice}`);
  }
  if (!/^[\w-]+$/.test(header) || !(typeof value === 'function' || isSendable(value))) {
    throw new InputError(`The header ${JSON.stringify(header)} has a name or a value that can't be sent.`);
  }
}

function isSendable(value: unknown): value is string {
  return typeof value === 'string' && /^[\t\x20-\x7e]*$/.test(value);
}

function sentValue(name: string, header: string, given: string | (() => string)): string {
  const value = typeof given === 'function' ? given() : given;
  if (!isSendable(value)) {
    throw new TeacherError(name, `The header ${header} of \`headers\` has a value that can't be sent.`);
  }
  if (isSecret(header, given) || LONG_CODE.test(value)) keepSecret(value.replace(/^(basic|bearer|token) /i, ''));
  return value;
}

/** A value that can be a secret, whatever its header is called. */
const LONG_CODE = /(?=\S*\d)\S{16,}/;

function isSecret(header: string, value: unknown): boolean {
  return typeof value === 'function' || SECRET.test(header);
}

/** Returns the headers that can change an answer, without those that hold secrets by their names. */
export function openHeaders(
  headers: GivenHeaders = {},
  isCaller: (header: string) => boolean = header => CALLER.test(header),
): Readonly<Record<string, string>> {
  const named = Object.entries(headers).map(([header, value]) => [header.toLowerCase(), value] as const);
  const kept = named.filter(([header, value]) => !isSecret(header, value) && !isCaller(header));
  return Object.fromEntries(kept.sort()) as Readonly<Record<string, string>>;
}

/**
 * Returns the part of an identity that holds headers, empty if there are none. The user's are digests, because any
 * header can hold a secret.
 *
 * @param own - the adapter's own headers that can change an answer
 */
export function headersInIdentity(
  {headers}: HeaderOptions,
  own: Readonly<Record<string, string>> = {},
): {readonly headers?: Readonly<Record<string, string>>} {
  const digests = Object.entries(openHeaders(headers)).map(([header, value]) => [header, digestOf(value)]);
  const all = {...own, ...Object.fromEntries(digests)};
  return Object.keys(all).length === 0 ? {} : {headers: all};
}

function digestOf(value: string): string {
  return `sha256 ${createHash('sha256').update(value).digest('hex').slice(0, 16)}`;
}

/**
 * Returns what puts a key into the header of `keyHeader`.
 *
 * @throws InputError if it is no header with a placeholder
 */
export function keyHeaderOf(form: string | undefined): Connection['authorize'] | undefined {
  if (form === undefined) return undefined;
  const [, header, value] = /^([\w-]+): (.*)$/.exec(form) ?? [];
  if (!header || !value?.includes('{key}')) {
    throw new InputError(
      'The `keyHeader` can\'t be used. Give a header with a placeholder for the key, as in "X-API-Key: {key}".',
    );
  }
  return key => ({[header.toLowerCase()]: value.replaceAll('{key}', () => key)});
}
