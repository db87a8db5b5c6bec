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
   * @default the environment variable that the adapter names; LIMBECK_TEACHER_KEY where `url` is given
   */
  readonly key?: string | (() => string);
  /**
   * Requests under way at once.
   *
   * @default 16
   */
  readonly concurrency?: number;
  /**
   * Milliseconds that one request may take.
   *
   * @default 60_000
   */
  readonly timeout?: number;
  /**
   * The longest body of a reply, in bytes. A longer one is left unread.
   *
   * @default 16 MiB
   */
  readonly maxReply?: number;
  /** The most that the account may ask, where the service's own headers don't tell. */
  readonly rate?: Rate;
  /** What the service charges, for budgets of money. */
  readonly price?: Price;
  /**
   * What carries the requests: a proxy, or a mock.
   *
   * @default a pool of `concurrency` connections
   */
  readonly dispatcher?: Dispatcher;
}

/** Requests under way at once, where nothing else is said. */
export const CONCURRENCY = 16;

/** What is particular to an adapter's service. */
export interface ServiceAddress {
  /** The teacher's name, for messages. */
  readonly name: string;
  /** The environment variable that holds the key of this address, see `keyVariableFor`. */
  readonly keyVariable: string;
  readonly authorize?: Connection['authorize'];
}

/** Opens nothing yet. */
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

/** What the layers need to know of a service: who is charged how much, and how its replies are read. */
export function chargedService<A extends Access>(
  {rate, price}: ServiceOptions,
  {address, key}: {readonly address: string; readonly key: Connection['key']},
  reading: Omit<ProbedService<A> & BatchService<A>, 'account' | 'rate' | 'price'>,
): ProbedService<A> & BatchService<A> {
  return {
    // A getter, since the key is read late.
    get account() {
      return accountOf(address, key());
    },
    ...reading,
    ...(rate && {rate}),
    ...(price && {price}),
  };
}

/**
 * Where the key of an address is looked for. A provider's own variable is read for its own address alone: a key must
 * not go to whoever else is asked.
 */
export function keyVariableFor(
  address: string,
  {own, variable}: {readonly own: string; readonly variable: string},
): string {
  return new URL(checkAddress(address)).origin === new URL(own).origin ? variable : 'LIMBECK_TEACHER_KEY';
}
