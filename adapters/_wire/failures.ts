import {proxyOf} from './transport.ts';
import {WAIT_ADVICE} from './waiting.ts';

/** Why a request brought no whole reply, and what can be done. */
export interface Failure {
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
  const spared = `Check ${variable}, or add ${url.hostname} to no_proxy.`;
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
