import {Agent, type Dispatcher} from 'undici';
import type {BatchService} from '../../src/lane.ts';
import type {ProbedService} from '../../src/service-probe.ts';
import type {Access, Price, Rate} from '../../src/teacher.ts';
import {accountOf, type Connection, checkAddress, knownKey} from './request.ts';

/** Options of every adapter that asks a service over HTTP. */
export interface ServiceOptions {
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
  /**
   * The undici dispatcher of requests, such as a proxy or a mock.
   *
   * @default a pool of `concurrency` connections
   */
  readonly dispatcher?: Dispatcher;
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
}

/** Returns a connection, and opens nothing yet. */
export function openConnection(options: ServiceOptions, location: ServiceAddress): Connection {
  const {concurrency = CONCURRENCY, timeout = 60_000, maxReply = 16 * 2 ** 20, dispatcher, key} = options;
  const {name, keyVariable, authorize} = location;
  return {
    name,
    key: knownKey(typeof key === 'function' ? key : () => key ?? process.env[keyVariable]),
    keyVariable,
    timeout,
    maxReply,
    dispatcher: dispatcher ?? new Agent({connections: concurrency}),
    ...(authorize && {authorize}),
  };
}

/** Returns the part of a service that the layers need: its account, its prices and the reader of its replies. */
export function chargedService<A extends Access>(
  {rate, price}: ServiceOptions,
  {address, key}: {readonly address: string; readonly key: Connection['key']},
  reading: Omit<ProbedService<A> & BatchService<A>, 'account' | 'rate' | 'price'>,
): ProbedService<A> & BatchService<A> {
  return {
    // A getter, because the key is read late.
    get account() {
      return accountOf(address, key());
    },
    ...reading,
    ...(rate && {rate}),
    ...(price && {price}),
  };
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
