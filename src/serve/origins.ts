import type {IncomingHttpHeaders} from 'node:http';
import {isIP} from 'node:net';
import {hostname} from 'node:os';
import {InputError} from '../errors.ts';
import {RequestFailure, type ServedReply} from './router.ts';

export interface OriginOptions {
  /** The host that the service listens on. */
  readonly host: string;
  /** Further names that the `Host` header may hold. */
  readonly hosts?: readonly string[] | undefined;
  /** Origins of web pages that may use the service. */
  readonly origins?: readonly string[] | undefined;
}

/** Seconds for which a browser may cache a preflight reply. */
const REMEMBERED = 600;

/**
 * Decides which web pages may use a service. A browser sends requests for any page that its user opens, even to
 * services that only this machine can reach. So `Origin`, which names the page, must be allowed. `Host` must name the
 * service, because a page elsewhere can make its own name resolve to this machine (DNS rebinding).
 */
export class Origins {
  readonly #names: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;
  readonly #isLoopback: boolean;

  /** @throws InputError if a host or an origin is invalid */
  constructor({host, hosts = [], origins = []}: OriginOptions) {
    this.#isLoopback = isLoopback(nameIn(hostWithBrackets(host)) ?? host);
    const own = this.#isLoopback ? [] : [hostname().toLowerCase()];
    this.#names = new Set([...own, ...[hostWithBrackets(host), ...hosts].map(checkedName)]);
    this.#origins = new Set(origins.map(checkedOrigin));
  }

  /**
   * The headers that let the requesting page read the reply. Empty if the request comes from no page of another origin.
   *
   * @throws RequestFailure 403 if `Host` doesn't name the service, or the page is not allowed
   */
  check({host, origin}: IncomingHttpHeaders): Readonly<Record<string, string>> {
    // A request without a host is HTTP/1.0, which no browser sends.
    if (host !== undefined && !this.#isOwnName(nameIn(host))) {
      throw forbidden(`Host \`${host.slice(0, 100)}\` is not a name of this service. Allow it with --allow-host.`);
    }
    if (origin === undefined || isSame(origin, host)) return {};
    if (!this.#origins.has(origin)) {
      throw forbidden(`Pages of ${origin.slice(0, 100)} may not use this service. Allow them with --origin.`);
    }
    const read = {'access-control-expose-headers': 'retry-after'};
    return {'access-control-allow-origin': origin, vary: 'Origin', ...read};
  }

  #isOwnName(name: string | undefined): boolean {
    if (name === undefined) return false;
    return this.#names.has(name) || isLoopback(name) || (!this.#isLoopback && isIP(name) !== 0);
  }
}

/** True if the request is a CORS preflight. */
export function isPreflight(method: string | undefined, headers: IncomingHttpHeaders): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined;
}

/** Lists the methods and headers that an allowed page may send. */
export function preflightReply(headers: IncomingHttpHeaders): ServedReply {
  const asked = headers['access-control-request-headers'] ?? 'authorization, content-type';
  const isPrivate = headers['access-control-request-private-network'] === 'true';
  return {
    status: 204,
    headers: {
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': asked,
      'access-control-max-age': String(REMEMBERED),
      ...(isPrivate && {'access-control-allow-private-network': 'true'}),
    },
    body: '',
  };
}

function isLoopback(name: string): boolean {
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'));
}

/** True if page and service share an address, for example behind one proxy. */
function isSame(origin: string, host: string | undefined): boolean {
  return host !== undefined && [`http://${host}`, `https://${host}`].includes(origin);
}

/** The name in a host, with or without a port, in the spelling of URLs. Undefined if it is invalid. */
function nameIn(host: string): string | undefined {
  if (!/^[^/?#@\\]+$/.test(host) || !URL.canParse(`http://${host}`)) return undefined;
  return new URL(`http://${host}`).hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}

function hostWithBrackets(host: string): string {
  return isIP(host) === 6 ? `[${host.replace(/%.*$/, '')}]` : host;
}

function checkedName(host: string): string {
  const name = nameIn(host);
  if (name !== undefined) return name;
  throw new InputError(`\`${host}\` is not a host. Give a name without a path, such as models.example.com.`);
}

/** The origin as browsers send it. For a page in a file it is `null`. */
function checkedOrigin(origin: string): string {
  const [whole, scheme] = /^([a-z][a-z\d+.-]*):\/\/[^/?#@\s*]+\/?$/i.exec(origin) ?? [];
  if (origin === 'null') return origin;
  if (whole === undefined || !URL.canParse(origin)) {
    throw new InputError(
      `\`${origin}\` is not an origin. Give scheme, host and port, such as https://shop.example.com.`,
    );
  }
  const known = ['http', 'https'].includes(scheme!.toLowerCase());
  return known ? new URL(origin).origin : origin.replace(/\/$/, '').toLowerCase();
}

function forbidden(message: string): RequestFailure {
  return new RequestFailure(403, message, {code: 'forbidden'});
}
