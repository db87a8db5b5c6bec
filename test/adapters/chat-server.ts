import {createServer, type IncomingMessage} from 'node:http';
import type {AddressInfo} from 'node:net';
import {text as textOf} from 'node:stream/consumers';
import {afterAll} from 'vitest';

/** Returns a made-up model's probability of each label for a text. */
export interface Opinion {
  readonly label: string;
  readonly probabilities: Readonly<Record<string, number>>;
}

/** How one protocol asks and answers; the shapes are those that real servers were recorded with. */
export interface Protocol {
  /** The text that a request is about. */
  asked(body: never): string;
  reply(opinion: Opinion, body: never): object;
}

const LABELS = ['positive', 'negative', 'neutral'];

/** A model that is no model: it looks for words. */
export function opinionOf(text: string): Opinion {
  const scores = [/great|good|love/, /boring|awful|bad/, /film|movie|a/].map(words => (words.test(text) ? 3 : 1));
  const total = scores.reduce((sum, score) => sum + score, 0.5);
  const probabilities = Object.fromEntries(LABELS.map((label, index) => [label, scores[index]! / total]));
  return {label: LABELS[scores.indexOf(3)] ?? 'neutral', probabilities};
}

/** Starts a service on this machine that speaks a protocol; it stops after the file's tests. */
export async function chatServer({asked, reply}: Protocol): Promise<string> {
  const server = createServer((request: IncomingMessage, response) => {
    void textOf(request).then(content => {
      const body = JSON.parse(content) as never;
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(reply(opinionOf(asked(body)), body)));
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

/** The tokens of an opinion, the most probable first, as entries of a list of alternatives. */
export function tokensOf({probabilities}: Opinion): {readonly token: string; readonly logprob: number}[] {
  const tokens = Object.entries(probabilities).map(([token, value]) => ({token, logprob: Math.log(value)}));
  return tokens.sort((a, b) => b.logprob - a.logprob);
}
