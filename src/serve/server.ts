import {once} from 'node:events';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {z} from 'zod';
import {sizeOf} from '../data/inputs.ts';
import {InputError} from '../errors.ts';
import {checkOptions, kinds, oneOf, type Shape} from '../options.ts';
import {keepSecret} from '../secrets.ts';
import type {Teacher} from '../teacher.ts';
import {BodyRoom} from './body.ts';
import {chatRoutes} from './chat.ts';
import {promptText} from './chat-form.ts';
import {modelRoutes} from './classifier.ts';
import {classifyRoutes} from './classify.ts';
import {ClientRates} from './clients.ts';
import {Tally} from './decision.ts';
import {decisionRoutes} from './decisions.ts';
import {embeddingRoutes} from './embeddings.ts';
import {EXPOSITION_TYPE} from './exposition.ts';
import {headsServed} from './heads.ts';
import {closerOf, type HttpContext, handle} from './http.ts';
import {createMetrics, type Metrics, type MetricsSources} from './metrics.ts';
import {openInferenceRoutes} from './open-inference.ts';
import {Origins} from './origins.ts';
import {type Route, route} from './router.ts';
import {MOST_WAITING, type Served, type ServedOptions, serveAll} from './served.ts';
import {costEachOf, isAnyDemoted, type ServiceStatus, statusOf} from './status.ts';
import {systemOneRoutes} from './system-one.ts';
import {openWatches} from './watches.ts';

export interface ServeOptions extends ServedOptions {
  /**
   * Finds the text to classify in the last message of a chat: the prompt that clients send with `{text}` instead of the
   * text, or a regular expression between slashes whose first group is the text.
   *
   * @default the whole message
   */
  readonly prompt?: string | undefined;
  /**
   * 0 chooses a free port.
   *
   * @default 0
   */
  readonly port?: number | undefined;
  /** @default '127.0.0.1' */
  readonly host?: string | undefined;
  /**
   * Further names that the header `Host` may hold. `host`, `localhost` and loopback addresses are always allowed. If
   * `host` is not a loopback address, any address and this machine's name are allowed as well.
   *
   * @default none
   */
  readonly hosts?: readonly string[] | undefined;
  /**
   * Origins of web pages that may use the service, such as `https://shop.example.com`. Other pages are refused. Clients
   * other than browsers send no origin.
   *
   * @default none
   */
  readonly origins?: readonly string[] | undefined;
  /**
   * The key that clients must send as `Authorization: Bearer`, or several of which any will do. Health checks need
   * none.
   *
   * @default none
   */
  readonly key?: string | readonly string[] | undefined;
  /**
   * Most bytes of a request body.
   *
   * @default 16 MiB
   */
  readonly maxBytes?: number | undefined;
  /**
   * Most bytes that the bodies of all requests under way take together. Above it, requests are refused with 503.
   *
   * @default 8 times `maxBytes`
   */
  readonly maxBytesInAll?: number | undefined;
  /**
   * Most inputs in one request.
   *
   * @default 1024; never more than `maxWaiting`
   */
  readonly maxInputs?: number | undefined;
  /**
   * Inputs that a client may send in a minute, a tenth of them at once. A request counts as at least one. If there are
   * several keys, the key identifies the client, else the address does.
   *
   * @default no limit
   */
  readonly rate?: number | undefined;
  /** Closes the service when it aborts. */
  readonly signal?: AbortSignal | undefined;
}

const KINDS = {
  model: kinds.text,
  version: kinds.text,
  access: oneOf('gray-box', 'black-box'),
  detail: kinds.object,
  input: kinds.object,
  question: kinds.object,
  calibration: kinds.object,
  calibrations: kinds.object,
  gate: kinds.object,
  cascade: kinds.object,
  maxWaiting: kinds.number,
  others: kinds.list,
  prompt: kinds.text,
  port: kinds.number,
  host: kinds.text,
  hosts: kinds.texts,
  origins: kinds.texts,
  key: z.union([z.string(), z.array(z.string())], 'a text or a list of texts'),
  maxBytes: kinds.number,
  maxBytesInAll: kinds.number,
  maxInputs: kinds.number,
  rate: kinds.number,
  signal: kinds.object,
} satisfies Shape<ServeOptions>;

export interface RunningService {
  /** Base address, without `/v2`. */
  readonly url: string;
  /** Counts how the queries were answered so far. */
  readonly tally: Readonly<Tally>;
  /** Accepts no new requests, answers those under way, then ends. */
  close(): Promise<void>;
}

/**
 * Serves a teacher over HTTP, and shows no more of it than `access` and `detail` allow. It speaks the Open Inference
 * Protocol, version 2 (`/v2`), a plain protocol (`/classify`), the protocols of typed questions (`/v1/systemone`,
 * `/v1/decisions`) and, if the teacher takes texts, OpenAI's chat protocol (`/v1`). A teacher that gives vectors is
 * served at OpenAI's `/v1/embeddings` instead. It also has `/health`, `/status`
 * and, for Prometheus, `/metrics`. Requests that arrive at the same time share batches, with as many passes of the
 * model at once as its `concurrency` allows. Between passes the service answers health checks.
 *
 * @throws KnowledgeError if the teacher can't give the detail that the service should show; InputError if options don't
 * fit together, or the port is not available
 */
export async function serveTeacher(teacher: Teacher, options: ServeOptions): Promise<RunningService> {
  checkOptions('serveTeacher', options, KINDS, ['model', 'version', 'access']);
  const {port = 0, host = '127.0.0.1', key = [], rate, signal} = options;
  signal?.throwIfAborted();
  if (rate !== undefined && !(rate > 0)) throw new InputError(`Expected \`rate\` to be above 0, got ${rate}.`);
  const tally = new Tally(teacher.questions?.list.map(({name}) => name));
  const watches = await openWatches(headsServed(teacher, options), options);
  const sources = {tally, watches, ...moneyOf(options)};
  const metrics: Metrics = createMetrics({
    ...sources,
    waiting: () => all.reduce((sum, {waiting}) => sum + waiting(), 0),
  });
  const all = serveAll(teacher, options, tally, metrics.onBatch, watches);
  const who = whoAnswers(options);
  const routes = routesOf(all, options, metrics, {
    // A demotion doesn't make the service unhealthy, but its operator wants to see it.
    health: () => ({status: 'ok', ...(watches.size > 0 && {mode: who.mode, demoted: isAnyDemoted(watches)})}),
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
    metrics,
    closer,
  };
  server.on('request', (request, response) => void handle(context, request, response));
  const close = async () => {
    await closer.close();
    await Promise.all(all.map(({settle}) => settle()));
  };
  server.listen(port, host);
  await once(server, 'listening').catch((cause: Error) => {
    throw new InputError(`Cannot serve on ${host}:${port}: ${cause.message}. Choose another port or host.`, {cause});
  });
  signal?.addEventListener('abort', () => void close(), {once: true});
  const {address, family, port: taken} = server.address() as AddressInfo;
  return {url: `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}`, tally, close};
}

/** Limits in milliseconds: for the head of a request, for the whole request, and for a pause within its body. */
const [HEAD, WHOLE, PAUSE] = [10_000, 120_000, 10_000];
/** JSON values that a request may hold in addition to those of its inputs, such as names of classes. */
const OTHER_VALUES = 10_000;

function limitsOf({
  input,
  maxBytes = 2 ** 24,
  maxBytesInAll = 8 * maxBytes,
  maxWaiting = MOST_WAITING,
  ...options
}: ServeOptions): Pick<HttpContext, 'bodies' | 'maxInputs'> {
  // The model's queue could never take more.
  const maxInputs = Math.min(options.maxInputs ?? 1024, maxWaiting);
  // Each nested list counts as one more value, and no list is empty.
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

function routesOf(
  all: readonly [Served, ...Served[]],
  {input, prompt}: ServeOptions,
  metrics: Metrics,
  {health, status}: {readonly health: () => object; readonly status: () => ServiceStatus},
): readonly Route[] {
  const [{openInference, classifiers: first, embeddings}] = all;
  const classifiers = all.flatMap(served => served.classifiers);
  const own = [
    route('GET', '/health', () => ({body: health()}), {isOpen: true}),
    route('GET', '/status', () => ({body: status()})),
    route('GET', '/metrics', () => ({headers: {'content-type': EXPOSITION_TYPE}, body: metrics.text()})),
  ];
  if (embeddings) return [...own, ...embeddingRoutes(embeddings)];
  return [
    ...own,
    ...openInferenceRoutes(openInference),
    ...classifyRoutes(first),
    ...modelRoutes(classifiers),
    ...systemOneRoutes(classifiers),
    ...decisionRoutes(classifiers),
    ...(input?.kind === 'tensor' ? [] : chatRoutes(first, promptText(prompt))),
  ];
}
