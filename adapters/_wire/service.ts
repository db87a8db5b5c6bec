import {kinds, oneOf, type Shape} from '../../src/options.ts';
import type {
  BatchService,
  ListedService,
  ModelList,
  PatientService,
  ProbedService,
} from '../../src/service-features.ts';
import type {Access, Outcome, Price, Rate, Usage} from '../../src/teacher.ts';
import {type HeaderOptions, keyHeaderOf, readHeaders} from './headers.ts';
import {modelList} from './model-list.ts';
import {accountOf, type Connection, checkAddress, knownKey} from './request.ts';
import {detourOf, openDispatcher, type TransportOptions} from './transport.ts';
import {Waiting, type WaitOptions} from './waiting.ts';

/** Options of every adapter that asks a service over HTTP. */
export interface ServiceOptions extends HeaderOptions, TransportOptions, WaitOptions {
  /**
   * Sent with every request. A function is called for every request.
   *
   * @default the environment variable that the adapter names; LIMBECK_TEACHER_KEY if `url` is given
   */
  readonly key?: string | (() => string);
  /**
   * Requests under way at once.
   *
   * @default 16
   */
  readonly concurrency?: number;
  /**
   * Milliseconds before one request times out.
   *
   * @default 60_000
   */
  readonly timeout?: number;
  /**
   * The most bytes in the body of a reply. A longer body is not read.
   *
   * @default 16 MiB
   */
  readonly maxReply?: number;
  /** The account's rate limit, if the service's own headers don't give it. */
  readonly rate?: Rate;
  /** The price of the service, for budgets of money. */
  readonly price?: Price;
}

/** The kinds of `ServiceOptions`. */
export const SERVICE_KINDS: Shape<ServiceOptions> = {
  key: kinds.textOrCall,
  concurrency: kinds.number,
  timeout: kinds.number,
  maxReply: kinds.number,
  rate: kinds.object,
  price: kinds.object,
  headers: kinds.object,
  keyHeader: kinds.text,
  socketPath: kinds.text,
  http2: kinds.flag,
  dispatcher: kinds.object,
  wait: kinds.textOrNumber,
};

/** The kinds of options of a service with a classifier of texts. */
export const CLASSIFIER_KINDS: Shape<ServiceOptions & ClassifierOptions> = {
  ...SERVICE_KINDS,
  url: kinds.text,
  service: kinds.text,
  classes: kinds.texts,
  labels: kinds.texts,
  output: oneOf('logits', 'probabilities'),
  maxBatch: kinds.number,
};

interface ClassifierOptions {
  readonly url: string;
  readonly service: string;
  readonly classes: readonly string[];
  readonly labels: readonly string[];
  readonly output: 'logits' | 'probabilities';
  readonly maxBatch: number;
}

/** The default number of requests under way at once. */
export const CONCURRENCY = 16;

/** The properties of an adapter's service. */
export interface ServiceAddress {
  /** The teacher's name, for messages. */
  readonly name: string;
  /** The environment variable of this address's key; see `keyVariableFor`. */
  readonly keyVariable: string;
  readonly authorize?: Connection['authorize'];
  /** Undefined if it is not known yet. */
  readonly address?: string | undefined;
}

/**
 * Returns a connection, and opens nothing yet.
 *
 * @throws InputError if the options can't be used
 */
export function openConnection(options: ServiceOptions, location: ServiceAddress): Connection {
  const {concurrency = CONCURRENCY, timeout = 60_000, maxReply = 16 * 2 ** 20, key, headers, socketPath} = options;
  const {name, keyVariable, address} = location;
  const authorize = keyHeaderOf(options.keyHeader) ?? location.authorize;
  return {
    name,
    key: knownKey(key, keyVariable),
    keyVariable,
    timeout,
    maxReply,
    dispatcher: openDispatcher(options, concurrency, address),
    address,
    detour: detourOf(options, address),
    socketPath,
    waiting: new Waiting(name, options),
    ...(headers && {headers: readHeaders(name, options)}),
    ...(authorize && {authorize}),
  };
}

/** Where a service asks a model. */
interface ModelLocation {
  readonly adapter: string;
  readonly address: string;
  /** What comes after the address. */
  readonly path: string;
  readonly provider: {readonly own: string; readonly variable: string};
  readonly authorize?: Connection['authorize'];
  /** True if the service lists its models as OpenAI does. */
  readonly listsModels?: boolean | undefined;
}

/** A connection to a model, with its names in messages (`name`) and in the identity (`service`). */
interface OpenModel {
  readonly address: string;
  readonly service: string;
  readonly name: string;
  readonly connection: Connection;
  readonly url: URL;
  readonly models: ModelList | undefined;
}

/** @throws InputError if the options can't be used */
export function openModel(
  options: ServiceOptions & {readonly model: string; readonly service?: string},
  {adapter, address: given, path, provider, authorize, listsModels}: ModelLocation,
): OpenModel {
  const address = checkAddress(given);
  const service = standInFor(options, address);
  const name = `${adapter} ${options.model} at ${service}`;
  const keyVariable = keyVariableFor(address, provider);
  const connection = openConnection(options, {name, keyVariable, address, ...(authorize && {authorize})});
  const models = listsModels ? modelList(connection, address, options.model) : undefined;
  return {address, service, name, connection, url: new URL(`${address}${path}`), models};
}

/** Returns what replaces the address of a service in its identity. */
export function standInFor(
  {service, socketPath}: Pick<ServiceOptions, 'socketPath'> & {readonly service?: string},
  address: string,
): string {
  return service ?? (socketPath === undefined ? address : `${address} at ${socketPath}`);
}

/**
 * Asks about batches at once. If one fails, each of its queries has its error.
 *
 * @param outcomes - one per query; those of the batches are filled in
 * @throws the first batch's error if all fail
 */
export async function askBatches<A extends Access, Batch extends {readonly rows: readonly number[]}>(
  batches: readonly Batch[],
  ask: (batch: Batch) => Promise<readonly Outcome<A>[]>,
  outcomes: Outcome<A>[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const replies = await Promise.allSettled(batches.map(ask));
  signal?.throwIfAborted();
  const failure = replies.find(reply => reply.status === 'rejected');
  if (failure && replies.every(reply => reply.status === 'rejected')) throw failure.reason;
  for (const [index, reply] of replies.entries()) {
    for (const [position, row] of batches[index]!.rows.entries()) {
      outcomes[row] = reply.status === 'fulfilled' ? reply.value[position]! : {error: reply.reason};
    }
  }
}

interface ChargedAccount {
  readonly address: string;
  readonly connection: Connection;
  /** @default the service has no list of models */
  readonly models?: ModelList | undefined;
}

/** Returns the part of a service that the layers need: its account, its prices and the reader of its replies. */
export function chargedService<A extends Access>(
  {rate, price, socketPath}: ServiceOptions,
  {address, connection: {key, waiting}, models}: ChargedAccount,
  reading: Omit<ProbedService<A> & BatchService<A>, 'account' | 'rate' | 'price' | 'waitFor'>,
): ProbedService<A> & BatchService<A> & PatientService<A> & ListedService<A> {
  return {
    // A getter, because the key is read late.
    get account() {
      return accountOf(socketPath ?? address, key());
    },
    ...reading,
    ...(reading.worstCase && {worstCase: queries => asWritten(price, reading.worstCase?.(queries))}),
    waitFor: patience => waiting?.configure(patience),
    ...(models && {models}),
    ...(rate && {rate}),
    ...(price && {price}),
  };
}

/** A service may write any part of a prompt to its cache, which can be the highest price of a token. */
function asWritten(price: Price = {}, usage: Usage | undefined): Usage | undefined {
  const {perMillionInputTokens = 0, perMillionCacheWriteTokens = perMillionInputTokens} = price;
  if (usage === undefined || perMillionCacheWriteTokens <= perMillionInputTokens) return usage;
  return {...usage, cacheWriteTokens: usage.inputTokens};
}

/**
 * Returns the environment variable of an address's key. A provider's own variable is used only for the provider's own
 * address, because a key must not be sent to anybody else.
 */
export function keyVariableFor(
  address: string,
  {own, variable}: {readonly own: string; readonly variable: string},
): string {
  return new URL(checkAddress(address)).origin === new URL(own).origin ? variable : 'LIMBECK_TEACHER_KEY';
}
