import {createServer, type IncomingMessage, type ServerResponse} from 'node:http';
import type {AddressInfo} from 'node:net';
import {text} from 'node:stream/consumers';
import {setTimeout as pause} from 'node:timers/promises';

/**
 * What goes wrong between a client and a server: the request never arrives (`drops`), or it does and its reply is lost
 * (`loses`), ends in the middle (`truncates`), never comes (`hangs`) or comes a byte at a time (`drips`); the reply is cut
 * but looks whole (`garbles`), or tells nothing of limits and waits (`hides`); or a gateway answers itself (`page`).
 */
export type Fault = 'drops' | 'loses' | 'truncates' | 'hangs' | 'drips' | 'garbles' | 'hides' | 'page';

export interface FaultyDoor {
  readonly url: string;
  stop(): Promise<void>;
}

/** Stands before a server and passes requests on. @param faultOf - tells, by a request's body, what goes wrong */
export async function openFaultyDoor(
  target: string,
  faultOf: (body: string) => Fault | undefined,
): Promise<FaultyDoor> {
  const server = createServer((request, response) => {
    text(request)
      .then(async body => {
        const fault = faultOf(body);
        if (fault === 'drops') request.socket.destroy();
        else if (fault === 'page') response.writeHead(502, {'content-type': 'text/html'}).end('<h1>Bad Gateway</h1>');
        else await answer(response, await passOn(target, request, body), fault);
      })
      .catch(() => request.socket.destroy());
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

interface Whole {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

async function passOn(target: string, {method = 'POST', url = '/', headers}: IncomingMessage, body: string) {
  const {host: _, connection: __, 'content-length': ___, ...kept} = headers;
  const reply = await fetch(`${target}${url}`, {method, headers: kept as Record<string, string>, body});
  return {status: reply.status, headers: Object.fromEntries(reply.headers), body: await reply.text()};
}

async function answer(response: ServerResponse, {status, headers, body}: Whole, fault: Fault | undefined) {
  const half = body.slice(0, body.length / 2);
  if (fault === 'hangs') return;
  if (fault === 'loses') response.destroy();
  else if (fault === 'garbles') response.writeHead(status, {...headers, 'content-length': half.length}).end(half);
  else if (fault === 'hides') response.writeHead(status, silent(headers)).end(body);
  else if (fault === 'truncates') response.writeHead(status, headers).write(half, () => response.destroy());
  else if (fault === 'drips') await drip(response.writeHead(status, headers), body);
  else response.writeHead(status, headers).end(body);
}

async function drip(response: ServerResponse, body: string): Promise<void> {
  for (const byte of Buffer.from(body)) {
    if (response.destroyed) return;
    response.write(Uint8Array.of(byte));
    await pause(100);
  }
  response.end();
}

function silent(headers: Whole['headers']): Whole['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !/retry-after|ratelimit/.test(name)));
}
