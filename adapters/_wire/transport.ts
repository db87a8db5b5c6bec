import {Agent, type buildConnector, type Dispatcher, EnvHttpProxyAgent} from 'undici';
import {InputError} from '../../src/errors.ts';
import {keepSecret} from '../../src/secrets.ts';
import {WAIT_ADVICE} from './waiting.ts';

export interface TransportOptions {
  /**
   * Path of a Unix socket to connect to. `url` still says the path of requests, for example `http://localhost/v1`. The
   * socket replaces the address in the identity, too.
   *
   * @default none: connects to the host in `url`
   */
  readonly socketPath?: string;
  /**
   * If true, requests go by HTTP/2: over TLS if the server agrees, and at once if `url` begins with `http://`.
   *
   * @default false
   */
  readonly http2?: boolean;
  /**
   * The undici dispatcher of requests, such as a mock. It decides about proxies, sockets and HTTP/2 itself.
   *
   * @default a pool of `concurrency` connections, through the proxy of the environment variables `http_proxy`,
   *   `https_proxy` and `no_proxy` if they are set
   */
  readonly dispatcher?: Dispatcher;
}

/** Without TLS nothing is negotiated, so the client begins with HTTP/2. Undici's types lack the option. */
const HTTP2_AT_ONCE: Partial<buildConnector.BuildOptions> = {useH2c: true} as object;

/**
 * Returns what carries requests to a service, and opens nothing yet.
 *
 * @param address - of the service; undefined if it is not known yet
 * @throws InputError if options contradict each other
 */
export function openDispatcher(
  {socketPath, http2 = false, dispatcher}: TransportOptions,
  connections: number,
  address: string | undefined,
): Dispatcher {
  if (dispatcher !== undefined) {
    if (socketPath === undefined && !http2) return dispatcher;
    throw new InputError('`socketPath` and `http2` are decided by the `dispatcher`. Give them to it, not beside it.');
  }
  const protocol = http2 ? {allowH2: true, connect: HTTP2_AT_ONCE} : {};
  if (socketPath !== undefined)
    return new Agent({connections, ...protocol, connect: {...protocol.connect, socketPath}});
  const {http, https} = proxiesIn(process.env);
  if (http === undefined && https === undefined) return new Agent({connections, ...protocol});
  const url = address === undefined ? undefined : new URL(address);
  if (http2 && url?.protocol === 'http:' && isProxied(url)) {
    throw new InputError(
      `\`http2\` can't be used: ${url.host} is reached through the proxy of http_proxy, which takes HTTP/1.1 for addresses that ` +
        `begin with http://. Leave \`http2\` out, or add ${url.hostname} to no_proxy.`,
    );
  }
  return new EnvHttpProxyAgent({
    connections,
    ...protocol,
    // Proxies let a tunnel through to few ports. Without TLS the request itself goes to the proxy, as RFC 9112 says.
    proxyTunnel: false,
    ...(http2 && {requestTls: {allowH2: true}}),
    ...(http !== undefined && {httpProxy: http}),
    ...(https !== undefined && {httpsProxy: https}),
  });
}

interface Proxies {
  readonly http: string | undefined;
  readonly https: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws InputError if a proxy's URL can't be used */
function proxiesIn(env: Environment): Proxies {
  return {http: proxyIn(env, 'http_proxy'), https: proxyIn(env, 'https_proxy')};
}

function proxyIn(env: Environment, variable: string): string | undefined {
  const given = env[variable] ?? env[variable.toUpperCase()];
  if (!given) return undefined;
  // Other programs take a proxy without a protocol, too.
  const text = given.includes('://') ? given : `http://${given}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^(https?|socks5?):$/.test(url.protocol)) {
    throw new InputError(
      `The environment variable ${variable} holds no URL of a proxy. Set one such as http://127.0.0.1:3128.`,
    );
  }
  keepSecret(url.password && decodeURIComponent(url.password));
  keepSecret(url.password && Buffer.from(`${url.username}:${url.password}`).toString('base64'));
  return url.href;
}

/** Returns the proxy through which an address is reached, as host and port; undefined if none is. */
function proxyOf(url: URL): {readonly host: string; readonly variable: string} | undefined {
  const {http, https} = proxiesIn(process.env);
  const isSecure = url.protocol === 'https:' && https !== undefined;
  const proxy = isSecure ? https : http;
  if (proxy === undefined || !isProxied(url)) return undefined;
  return {host: new URL(proxy).host, variable: isSecure ? 'https_proxy' : 'http_proxy'};
}

/** True if an address is that of this machine. As with curl, a proxy is asked for it unless `no_proxy` names it. */
export function isLoopback({hostname}: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}

/**
 * Returns a sentence about the proxy through which requests to this machine go; undefined if none does. Refusals end with
 * it, because they can be the proxy's own.
 */
export function detourOf({dispatcher, socketPath}: TransportOptions, address: string | undefined): string | undefined {
  if (dispatcher !== undefined || socketPath !== undefined || address === undefined) return undefined;
  const url = new URL(address);
  const proxy = isLoopback(url) ? proxyOf(url) : undefined;
  if (proxy === undefined) return undefined;
  return (
    `The request went through the proxy ${proxy.host} of ${proxy.variable}, for which ${url.hostname} is another machine ` +
    `unless it runs on this one: set no_proxy=${url.hostname}.`
  );
}

/** True unless `no_proxy` names the host or a domain above it. The rules are undici's. */
function isProxied({hostname, port, protocol}: URL): boolean {
  const list = process.env['no_proxy'] ?? process.env['NO_PROXY'] ?? '';
  if (list === '*') return false;
  const portOf = port || (protocol === 'https:' ? '443' : '80');
  return list.split(/[,\s]/).every(entry => {
    const [, name = entry, only] = /^(.+):(\d+)$/.exec(entry) ?? [];
    const host = name.replace(/^\*?\./, '').toLowerCase();
    if (host === '' || (only !== undefined && only !== portOf)) return true;
    return hostname !== host && !hostname.endsWith(`.${host}`);
  });
}

/** Why a request brought no whole reply, and what can be done. */
interface Failure {
  readonly problem: string;
  readonly retryable: boolean;
  /** True if the request surely never reached the service. */
  readonly unsent?: true;
}

/** The properties of errors of Node.js and undici that are read. */
interface Cause extends Error {
  readonly code?: string;
  readonly address?: string;
  readonly port?: number;
  /** Of a certificate for other names. */
  readonly cert?: {readonly subjectaltname?: string};
}

/** Explains why the connection to an address failed. */
export function failureOf(cause: Cause, url: URL, socketPath: string | undefined): Failure {
  const {code = cause.name} = cause;
  const to = socketPath ?? url.host;
  const proxy = socketPath === undefined ? proxyOf(url) : undefined;
  if (proxy !== undefined) {
    const problem = problemOfProxy(cause, url, proxy);
    if (problem !== undefined) return problem;
  }
  const inner = code === 'UND_ERR_PRX_TLS' ? (cause.cause as Cause) : cause;
  const certificate = problemOfCertificate(inner, to);
  if (certificate !== undefined) return {problem: certificate, retryable: false, unsent: true};
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER') {
    const problem = `It does not speak TLS at ${to}. Begin \`url\` with http://, or check its port.`;
    return {problem, retryable: false, unsent: true};
  }
  if (code === 'ENOTFOUND') return {problem: `There is no host ${to}. Check \`url\`.`, retryable: true};
  if (code === 'ENOENT' && socketPath !== undefined) {
    return {
      problem: `There is no socket ${to}. Check \`socketPath\`, and that the service runs. ${WAIT_ADVICE}`,
      retryable: true,
    };
  }
  if (code === 'ECONNREFUSED') {
    return {
      problem: `Nothing answers at ${to}. Check \`url\`, and that the service runs. ${WAIT_ADVICE}`,
      retryable: true,
    };
  }
  if (code === 'ERR_HTTP2_ERROR') {
    return {problem: `It does not speak HTTP/2 at ${to}. Leave \`http2\` out.`, retryable: true};
  }
  return {problem: `The connection to ${to} failed (${code}). Check the network and \`url\`.`, retryable: true};
}

/** A certificate stays as it is, so that no further attempt can help. */
function problemOfCertificate({code = '', cert}: Cause, host: string): string | undefined {
  if (code === 'CERT_HAS_EXPIRED') return `The certificate of ${host} has expired. Renew it, or check this clock.`;
  if (code === 'CERT_NOT_YET_VALID') return `The certificate of ${host} is not valid yet. Check the clock here.`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const names = cert?.subjectaltname === undefined ? '' : ` (${cert.subjectaltname})`;
    return `The certificate of ${host} is for other names${names}. Use one of them in \`url\`.`;
  }
  if (!/^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|INVALID_CA|INVALID_PURPOSE)/.test(code)) return undefined;
  return (
    `The certificate of ${host} can not be verified (${code}). If its authority is your own, set the environment variable ` +
    'NODE_EXTRA_CA_CERTS to the file of its certificate (PEM) before limbeck starts.'
  );
}

/** Explains the failures that are the proxy's. */
function problemOfProxy(
  {code, message, port}: Cause,
  url: URL,
  {host, variable}: NonNullable<ReturnType<typeof proxyOf>>,
): Failure | undefined {
  const refused = /^Proxy response \((\d+)\)|^Proxy Authentication Required \((407)\)/.exec(message);
  const status = Number(refused?.[1] ?? refused?.[2]);
  const spared = isLoopback(url)
    ? `${url.hostname} is this machine, which a proxy elsewhere can not reach: set no_proxy=${url.hostname}.`
    : `Check ${variable}, or add ${url.hostname} to no_proxy.`;
  if (status === 407) {
    const problem = `The proxy ${host} asks for a user and a password (407). Put them into the URL in ${variable}.`;
    return {problem, retryable: false, unsent: true};
  }
  if (refused) {
    const problem = `The proxy ${host} answered ${status} to a connection to ${url.host}. ${spared}`;
    return {problem, retryable: status >= 500, unsent: true};
  }
  if (code === 'ENOTFOUND') return {problem: `There is no proxy ${host}. ${spared}`, retryable: true};
  if (code !== 'ECONNREFUSED' || String(port) !== (new URL(`http://${host}`).port || '80')) return undefined;
  return {problem: `Nothing answers at the proxy ${host}. ${spared}`, retryable: true};
}
