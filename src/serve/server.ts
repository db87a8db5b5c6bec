import {once} from 'node:events';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {sizeOf} from '../data/inputs.ts';
import {InputError} from '../errors.ts';
import {keepSecret} from '../secrets.ts';
import type {Teacher} from '../teacher.ts';
import {BodyRoom} from './body.ts';
import {chatRoutes} from './chat.ts';
import {classifyRoutes} from './classify.ts';
import {ClientRates} from './clients.ts';
import {closerOf} from './close.ts';
import {EXPOSITION_TYPE} from './exposition.ts';
import {type HttpContext, handle} from './http.ts';
import {createMetrics, type Metrics, type MetricsSources} from './metrics.ts';
import {openInferenceRoutes} from './open-inference.ts';
import {Origins} from './origins.ts';
import {promptText} from './prompt-text.ts';
import {type Route, route} from './router.ts';
import {costEachOf} from './saving.ts';
import {MOST_WAITING, type Served, type ServedOptions, serve} from './served.ts';
import {type ServiceStatus, statusOf} from './status.ts';
import {Tally} from './tally.ts';
import {openWatching, type Watching} from './watching.ts';

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
   * Further names that requests may call the service by, in their header `Host`. Allowed are `host`, `localhost` and
   * loopback addresses; where `host` is no loopback address, any address, and the name of this machine.
   *
   * @default none
   */
  readonly hosts?: readonly string[];
  /**
   * Origins of web pages that may ask the service, as `https://shop.example.com`. Other pages are refused; what is no
   * browser sends no origin.
   *
   * @default none
   */
  readonly origins?: readonly string[];
  /**
   * What clients must send as `Authorization: Bearer`; one of several will do. Health checks need none.
   *
   * @default none
   */
  readonly key?: string | readonly string[];
  /**
   * The largest body of a request, in bytes.
   *
   * @default 16 MiB
   */
  readonly maxBytes?: number;
  /**
   * Bytes that the bodies of all requests under way may take together; above it requests are refused with 503.
   *
   * @default 8 times `maxBytes`
   */
  readonly maxBytesInAll?: number;
  /**
   * Inputs that one request may hold.
   *
   * @default 1024; never more than `maxWaiting`
   */
  readonly maxInputs?: number;
  /**
   * Inputs that a client may send in a minute, a tenth of them at once; a request counts as one at least. Clients are told
   * apart by their keys where there are several, else by their addresses.
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
  /** How its queries were answered so far. */
  readonly tally: Readonly<Tally>;
  /** Takes no new requests, answers those under way, and ends. */
  close(): Promise<void>;
}

/**
 * Serves a teacher over HTTP, and shows no more of it than `access` and `detail` allow: by the Open Inference Protocol,
 * version 2 (`/v2`), plainly (`/classify`), and by OpenAI's chat protocol where it takes texts (`/v1`); with `/health`,
 * `/status` and, for Prometheus, `/metrics`. Requests that come together are answered together, as many passes of the model
 * at once as its `concurrency` says; between passes the service answers health checks.
 *
 * @throws KnowledgeError where the teacher can't give what is to be shown; InputError where options don't fit together, or
 * the port can't be had
 */
export async function serveTeacher(teacher: Teacher, options: ServeOptions): Promise<Service> {
  const {port = 0, host = '127.0.0.1', key = [], rate, signal} = options;
  signal?.throwIfAborted();
  if (rate !== undefined && !(rate > 0)) throw new InputError(`Expected \`rate\` to be above 0, got ${rate}.`);
  const tally = new Tally();
  const watching = await watchOver(options);
  const sources = {tally, ...(watching && {watch: watching.watch}), ...moneyOf(options)};
  const metrics: Metrics = createMetrics({...sources, waiting: () => served.waiting()});
  const served = serve(teacher, options, tally, metrics.onBatch, watching);
  const who = whoAnswers(options);
  const routes = routesOf(served, options, metrics, {
    // Demoted or not, the service is well; whoever looks after it wants to know.
    health: () => ({status: 'ok', ...(watching && {mode: who.mode, demoted: watching.watch.demoted})}),
    status: () => statusOf({...sources, ...who}),
  });
  const server = createServer({headersTimeout: HEAD, requestTimeout: WHOLE, connectionsCheckingInterval: 1000});
  const closer = closerOf(server);
  const context: HttpContext = {
    routes,
    rates: rate === undefined ? undefined : new ClientRates(rate),
    keys: (typeof key === 'string' ? [key] : key).map(keepSecret),
    origins: new Origins({...options, host}),
    ...limitsOf(options),
    ...{metrics, closer},
  };
  server.on('request', (request, response) => void handle(context, request, response));
  const close = async () => {
    await closer.close();
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

/** Milliseconds that the head of a request may take, the whole of it, and a pause within its body. */
const [HEAD, WHOLE, PAUSE] = [10_000, 120_000, 10_000];
/** Values that a request may hold beside those of its inputs, such as names of classes. */
const OTHER_VALUES = 10_000;

function limitsOf({
  input,
  maxBytes = 2 ** 24,
  maxBytesInAll = 8 * maxBytes,
  maxWaiting = MOST_WAITING,
  ...options
}: ServeOptions): Pick<HttpContext, 'bodies' | 'maxInputs'> {
  // More could never wait for the model.
  const maxInputs = Math.min(options.maxInputs ?? 1024, maxWaiting);
  // Nested lists take one more value each, and no list is empty.
  const valuesEach = input?.kind === 'tensor' ? 2 * sizeOf(input.shape) : 1;
  const maxValues = input === undefined ? Number.POSITIVE_INFINITY : OTHER_VALUES + maxInputs * (1 + valuesEach);
  return {bodies: {maxBytes, maxValues, room: new BodyRoom(maxBytesInAll), patience: PAUSE}, maxInputs};
}

function moneyOf({cascade}: ServeOptions): Pick<MetricsSources, 'ledger' | 'costEach'> {
  if (cascade?.ledger === undefined) return {};
  return {ledger: cascade.ledger, costEach: costEachOf(cascade.teacher, cascade.ledger)};
}

function whoAnswers({model, version, cascade}: ServeOptions) {
  const {mode = 'cascade', teacher} = cascade ?? {};
  if (teacher === undefined) return {model, version, mode: 'student'} as const;
  return {model, version, mode, teacher: teacher.name};
}

/** What holds the student of a cascade to a promise, where one is known. */
async function watchOver({version, calibration, cascade}: ServeOptions): Promise<Watching | undefined> {
  const promise = cascade?.promise ?? calibration?.guarantee;
  if (cascade === undefined || promise === undefined) return undefined;
  const {teacher, watchFile: path, onStanding = () => {}, onTrouble = () => {}} = cascade;
  const {agreement, confidence} = promise;
  const subject = {version, teacher: teacher.identity, calibration, agreement, confidence};
  const one = {agreement, ...(confidence !== undefined && {confidence})};
  return openWatching({promise: one, path, subject, onChange: onStanding, onTrouble});
}

function routesOf(
  {openInference, classifier}: Served,
  {input, prompt}: ServeOptions,
  metrics: Metrics,
  {health, status}: {readonly health: () => object; readonly status: () => ServiceStatus},
): readonly Route[] {
  return [
    route('GET', '/health', () => ({body: health()}), {isOpen: true}),
    route('GET', '/status', () => ({body: status()})),
    route('GET', '/metrics', () => ({headers: {'content-type': EXPOSITION_TYPE}, body: metrics.text()})),
    ...openInferenceRoutes(openInference),
    ...classifyRoutes(classifier),
    ...(input?.kind === 'tensor' ? [] : chatRoutes(classifier, promptText(prompt))),
  ];
}
