import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {text as textOf} from 'node:stream/consumers';
import {afterAll} from 'vitest';

/** Returns a made-up model's probability of each class for a text, in order. */
export function probabilitiesOf(text: string, classes: number): readonly number[] {
  const scores = Array.from({length: classes}, (_, index) => 1 + ((text.length * (index + 3)) % 7));
  const total = scores.reduce((sum, score) => sum + score, 0);
  return scores.map(score => score / total);
}

export interface JsonReply {
  /** @default 200 */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** Starts a local service that answers each posted body (undefined for a GET). It stops after the file's tests. */
export async function jsonServer(
  answer: (body: never, path: string) => JsonReply | Promise<JsonReply>,
): Promise<string> {
  const server = createServer((request, response) => {
    void textOf(request).then(async posted => {
      const body = (posted === '' ? undefined : JSON.parse(posted)) as never;
      const {status = 200, headers = {}, body: content} = await answer(body, request.url ?? '');
      response.writeHead(status, {'content-type': 'application/json', ...headers});
      response.end(JSON.stringify(content));
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  servers.add(server);
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const servers = new Set<ReturnType<typeof createServer>>();

afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});
