import {AnswerStoreError, InputError} from '../errors.ts';
import {loadPeer} from '../peer.ts';
import type {ScriptClient} from './redis-script.ts';
import {isOfLostServer, reconnecting, storeUrl, withoutPasswords} from './store-url.ts';

/** The used part of a client of `@redis/client`. */
interface Client extends ScriptClient {
  connect(): Promise<unknown>;
  destroy(): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'ready', listener: () => void): unknown;
}

interface RedisPackage {
  createClient(options: object): Client;
}

/** A connection to a Redis server that comes back whenever the server does. */
export interface RedisLink {
  readonly client: ScriptClient;
  /** The address, without user, password and settings. */
  readonly name: string;
  /** The error of a command, as one for people. */
  failure(cause: unknown): AnswerStoreError;
  close(): void;
}

/** A server that says nothing for so many milliseconds is gone. It is asked more often than that. */
const SILENCE = 15_000;
const PING = 5000;

export interface RedisLinkOptions {
  /** Called each time that the connection is there again. */
  onReady(): void;
  /** Called each time that the connection is lost, or can't be made again. */
  onAway(): void;
}

/**
 * @throws InputError if it is no URL of a Redis server, or the package for it is not installed
 * @throws AnswerStoreError if the server can't be reached
 */
export async function openRedisLink(url: string, {onReady, onAway}: RedisLinkOptions): Promise<RedisLink> {
  const {name, isRedis} = storeUrl(url);
  if (!isRedis)
    throw new InputError(`Expected the URL of a Redis server, which begins with redis:// or rediss://, got ${name}.`);
  const {createClient} = await loadPeer<RedisPackage>('@keyv/redis', 'Sharing limits and a budget');
  let wasReady = false;
  const reconnectStrategy = reconnecting(() => wasReady);
  const client = createClient({url, pingInterval: PING, socket: {reconnectStrategy, socketTimeout: SILENCE}});
  // A command may wait for the server without failing, so nobody else may tell that it is away.
  client.on('error', () => {
    if (wasReady) onAway();
  });
  client.on('ready', () => {
    if (wasReady) onReady();
    wasReady = true;
  });
  const failure = (cause: unknown, what = 'used') => {
    const problem = withoutPasswords((cause as Error).message, url);
    return new AnswerStoreError(`The Redis server at ${name} can't be ${what}: ${problem}`, {
      isAway: isOfLostServer(cause),
    });
  };
  try {
    await client.connect();
  } catch (cause) {
    throw failure(cause, 'reached');
  }
  const close = () => {
    wasReady = false;
    client.destroy();
  };
  return {client, name, failure, close};
}
