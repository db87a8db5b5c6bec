import {once} from 'node:events';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {InputError} from '../errors.ts';
import type {Teacher} from '../teacher.ts';
import {chatRoutes} from './chat.ts';
import {classifyRoutes} from './classify.ts';
import {ClientRates} from './clients.ts';
import {closerOf} from './close.ts';
import {EXPOSITION_TYPE} from './exposition.ts';
import {handle} from './http.ts';
import {createMetrics, type Metrics, type MetricsSources} from './metrics.ts';
import {openInferenceRoutes} from './open-inference.ts';
import {promptText} from './prompt-text.ts';
import {type Route, route} from './router.ts';
import {costEachOf} from './saving.ts';
import {type Served, type ServedOptions, serve} from './served.ts';
import {Tally} from './tally.ts';

export interface ServeOptions extends ServedOptions {
  /**
   * How the text to classify is found in the last message of a chat: the prompt that clients send, with `{text}` where it
   * stands, or a regular expression between slashes whose first group it is.
   *
   * @default the whole message
   */
  readonly prompt?: string;
  /**
   * 0 takes a free port.
   *
   * @default 0
   */
  readonly port?: number;
  /** @default '127.0.0.1' */
  readonly host?: string;
  /**
   * What clients must send as `Authorization: Bearer`; one of several will do. Health checks need none.
   *
   * @default none
   */
  readonly key?: string | readonly string[];
  /**
   * The largest body of a request, in bytes.
   *
   * @default 64 MiB
   */
  readonly maxBytes?: number;
  /**
   * Requests that a client may send in a minute, a tenth of them at once. Clients are told apart by their keys where there
   * are several, else by their addresses.
   *
   * @default any number
   */
  readonly rate?: number;
  /** Closes the service when aborted. */
  readonly signal?: AbortSignal;
}

export interface Service {
  /** Address, without `/v2`. */
  readonly url: string;
  /** How its questions were answered so far. */
  readonly tally: Readonly<Tally>;
  /** Takes no new requests, answers those under way, and ends. */
  close(): Promise<void>;
}

/**
 * Serves a teacher over HTTP, and shows no more of it than `access` and `detail` allow: by the Open Inference Protocol,
 * version 2 (`/v2`), plainly (`/classify`), and by OpenAI's chat protocol where it takes texts (`/v1`); with `/health` and,
 * for Prometheus, `/metrics`. Requests that come together are answered together, as many passes of the model at once as
 * its `concurrency` says; between passes the service answers health checks.
 *
 * @throws KnowledgeError where the teacher can't give what is to be shown; InputError where options don't fit together, or
 * the port can't be had
 */
export async function serveTeacher(teacher: Teacher, options: ServeOptions): Promise<Service> {
  const {port = 0, host = '127.0.0.1', key = [], maxBytes = 64 * 2 ** 20, rate, signal} = options;
  signal?.throwIfAborted();
  if (rate !== undefined && !(rate > 0)) throw new InputError(`Expected \`rate\` to be above 0, got ${rate}.`);
  const tally = new Tally();
  const metrics: Metrics = createMetrics({tally, waiting: () => served.waiting(), ...moneyOf(options)});
  const served = serve(teacher, options, tally, metrics.onBatch);
  const routes = routesOf(served, options, metrics);
  const rates = rate === undefined ? undefined : new ClientRates(rate);
  const keys = typeof key === 'string' ? [key] : key;
  const server = createServer((request, response) => {
    void handle({routes, keys, rates, maxBytes, metrics, server}, request, response);
  });
  const end = closerOf(server);
  const close = async () => {
    await end();
    await served.settle();
  };
  server.listen(port, host);
  await once(server, 'listening').catch((cause: Error) => {
    throw new InputError(`Cannot serve on ${host}:${port}: ${cause.message}. Choose another port or host.`, {cause});
  });
  signal?.addEventListener('abort', () => void close(), {once: true});
  const {address, family, port: taken} = server.address() as AddressInfo;
  return {url: `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}`, tally, close};
}

function moneyOf({cascade}: ServeOptions): Pick<MetricsSources, 'ledger' | 'costEach'> {
  if (cascade?.ledger === undefined) return {};
  return {ledger: cascade.ledger, costEach: costEachOf(cascade.teacher, cascade.ledger)};
}

function routesOf(
  {openInference, classifier}: Served,
  {input, prompt}: ServeOptions,
  metrics: Metrics,
): readonly Route[] {
  return [
    route('GET', '/health', () => ({body: {status: 'ok'}}), {isOpen: true}),
    route('GET', '/metrics', () => ({headers: {'content-type': EXPOSITION_TYPE}, body: metrics.text()})),
    ...openInferenceRoutes(openInference),
    ...classifyRoutes(classifier),
    ...(input?.kind === 'tensor' ? [] : chatRoutes(classifier, promptText(prompt))),
  ];
}
