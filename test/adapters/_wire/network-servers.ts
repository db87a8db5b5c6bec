import {execFileSync} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {createServer, request as forward, type RequestListener, type Server} from 'node:http';
import {createServer as createHttp2Server, createSecureServer} from 'node:http2';
import {type AddressInfo, connect, type Server as NetServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll} from 'vitest';

/** Servers and proxies on this machine, which stop after the file's tests. */

const folder = mkdtempSync(join(tmpdir(), 'limbeck-network-'));
const servers = new Set<NetServer>();

afterAll(() => {
  for (const server of servers) {
    if ('closeAllConnections' in server) (server as Server).closeAllConnections();
    server.close();
  }
  rmSync(folder, {recursive: true});
});

/** Starts a server on a free port of an address, or on a Unix socket. */
export async function started<S extends NetServer>(server: S, at = '127.0.0.1'): Promise<{server: S; port: number}> {
  servers.add(server);
  await new Promise<void>(resolve => (at.startsWith('/') ? server.listen(at, resolve) : server.listen(0, at, resolve)));
  return {server, port: at.startsWith('/') ? 0 : (server.address() as AddressInfo).port};
}

/** A path for a Unix socket or a file. */
export function pathFor(name: string): string {
  return join(folder, name);
}

/** A certificate authority of the tests' own, and the certificates that it has signed. */
export interface Authority {
  /** The file of its certificate. */
  readonly path: string;
  /** Signs a certificate for names such as `DNS:localhost`; `days` can be negative. */
  sign(names: string, days?: number): {readonly key: Buffer; readonly cert: Buffer};
}

export function createAuthority(): Authority {
  const [key, path] = [pathFor('authority.key'), pathFor('authority.pem')];
  const openssl = (...args: string[]) => execFileSync('openssl', args, {stdio: ['ignore', 'ignore', 'pipe']});
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl('req', '-x509', ...curve, '-keyout', key, '-out', path, '-days', '30', '-subj', '/CN=Tests');
  let signed = 0;
  return {
    path,
    sign(names, days = 30) {
      const own = pathFor(`server-${++signed}`);
      openssl(
        'req',
        ...curve,
        '-keyout',
        `${own}.key`,
        '-out',
        `${own}.csr`,
        '-subj',
        '/CN=server',
        '-addext',
        `subjectAltName=${names}`,
      );
      const by = ['-CA', path, '-CAkey', key, '-CAcreateserial', '-copy_extensions', 'copy'];
      openssl('x509', '-req', '-in', `${own}.csr`, ...by, '-out', `${own}.pem`, '-days', String(days));
      return {key: readFileSync(`${own}.key`), cert: readFileSync(`${own}.pem`)};
    },
  };
}

/** A chat service that answers every text with `ham`, and the requests that came. */
export function chatService(): {readonly listener: RequestListener; readonly requests: ChatRequest[]} {
  const requests: ChatRequest[] = [];
  return {
    requests,
    listener(request, response) {
      requests.push({path: request.url!, version: request.httpVersion, headers: request.headers});
      request.resume().on('end', () => {
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({choices: [{message: {content: '{"label": "ham"}'}}]}));
      });
    },
  };
}

interface ChatRequest {
  readonly path: string;
  readonly version: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

export const http2Server = (listener: RequestListener) => createHttp2Server(listener as never);
export const http2SecureServer = (listener: RequestListener, certificate: ReturnType<Authority['sign']>) =>
  createSecureServer({...certificate, allowHTTP1: true}, listener as never);

/** A proxy that forwards requests and opens tunnels, and all that it was asked for. */
export interface Proxy {
  readonly url: string;
  readonly asked: string[];
}

/** @param password - what it asks for in Basic authentication, as `user:password` */
export async function startProxy(password?: string): Promise<Proxy> {
  const asked: string[] = [];
  const mayPass = (header: string | undefined) =>
    password === undefined || header === `Basic ${Buffer.from(password).toString('base64')}`;
  const server = createServer((request, response) => {
    asked.push(request.url!);
    if (!mayPass(request.headers['proxy-authorization'])) {
      response.writeHead(407).end();
      return;
    }
    const {'proxy-authorization': _, ...headers} = request.headers;
    const onward = forward(request.url!, {method: request.method!, headers}, reply => {
      response.writeHead(reply.statusCode!, reply.headers);
      reply.pipe(response);
    });
    onward.on('error', () => response.writeHead(502).end());
    request.pipe(onward);
  });
  server.on('connect', (request, socket) => {
    asked.push(`CONNECT ${request.url}`);
    socket.on('error', () => {});
    if (!mayPass(request.headers['proxy-authorization'])) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    const {hostname, port} = new URL(`http://${request.url}`);
    const onward = connect(Number(port), hostname.replace(/[[\]]/g, ''), () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    onward.on('error', () => socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'));
  });
  const {port} = await started(server);
  return {url: `http://127.0.0.1:${port}`, asked};
}
