import {Keyv, type KeyvStoreAdapter} from 'keyv';
import {AnswerStoreError, InputError} from '../errors.ts';
import {resolvePeer} from '../peer.ts';
import {keepSecret} from '../secrets.ts';
import {type Backend, keyvOver, type UrlOptions} from './backend.ts';
import {NO_LEASES} from './leases.ts';
import {LmdbLeases} from './lmdb/leases.ts';
import {LmdbStore} from './lmdb/store.ts';
import {openPostgres} from './postgres/open.ts';
import {type RedisClient, redisLeases} from './redis-leases.ts';
import {fromBytes, ShortAnswers, toBytes} from './short-answers.ts';

const REDIS = '@keyv/redis';
const POSTGRES = 'pg';

/**
 * The package for each kind of store: Keyv's adapter, and for PostgreSQL the client. Stores that drop entries, like
 * memcached, are left out.
 */
const PACKAGES: Readonly<Record<string, string>> = {
  redis: REDIS,
  rediss: REDIS,
  postgres: POSTGRES,
  postgresql: POSTGRES,
  mysql: '@keyv/mysql',
  mongodb: '@keyv/mongo',
  'mongodb+srv': '@keyv/mongo',
  sqlite: '@keyv/sqlite',
  etcd: '@keyv/etcd',
};

/** How often a lost connection to Redis is retried, with twice the wait each time: 1.5 seconds in all. */
const RECONNECTIONS = 5;
const FIRST_WAIT = 50;
const LONGEST_WAIT = 1000;

/** How long a client of Redis waits before it tries again to connect, if it does. */
export function reconnecting(isEndless: () => boolean): (count: number, cause: Error) => number | Error {
  return (count, cause) =>
    isEndless() || count < RECONNECTIONS ? Math.min(FIRST_WAIT * 2 ** count, LONGEST_WAIT) : cause;
}

/** The URL of a store, and the part of it that can be shown. */
export interface StoreUrl {
  readonly url: string;
  /** The URL without user, password and settings. */
  readonly name: string;
  /** The package with its adapter or client. */
  readonly package: string;
  readonly isRedis: boolean;
  /** True if leases can be kept there. */
  readonly hasLeases: boolean;
}

/** A storage that speaks to a server. */
type Storage = KeyvStoreAdapter & {disconnect?(force?: boolean): Promise<void>};

/** The storage of `@keyv/redis`, with its client. */
type RedisStorage = Storage & {readonly client: RedisClient & {connect(): Promise<unknown>}};

/** @throws InputError if no adapter is known for such a URL */
export function storeUrl(url: string): StoreUrl {
  const [, scheme = '', location = ''] = /^([a-z][a-z+]*):\/\/(?:.*@)?([^?#]*)/s.exec(url) ?? [];
  const adapter = PACKAGES[scheme];
  if (adapter === undefined) {
    const known = Object.keys(PACKAGES).map(name => `${name}://`);
    throw new InputError(
      `Expected the URL of an answer store to begin with one of ${known.join(', ')}, got ${scheme || 'no scheme'}. ` +
        'Or give the path of a file.',
    );
  }
  for (const secret of passwordsIn(url)) keepSecret(secret);
  const isRedis = adapter === REDIS;
  return {url, name: `${scheme}://${location}`, package: adapter, isRedis, hasLeases: isRedis || adapter === POSTGRES};
}

/** True if an error of a client says that its server can't be reached now. */
export function isOfLostServer(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false;
  const {code = '', message, errors = []} = cause as NodeJS.ErrnoException & {readonly errors?: readonly unknown[]};
  return LOST_CODES.has(code) || LOST_MESSAGE.test(message) || errors.some(isOfLostServer);
}

/** Of Node's sockets, and of a PostgreSQL server that stops or starts. */
const LOST_CODES = new Set(
  'ECONNREFUSED ECONNRESET EPIPE ETIMEDOUT EHOSTUNREACH ENETUNREACH EAI_AGAIN ENOTFOUND 57P01 57P02 57P03'.split(' '),
);

const LOST_MESSAGE =
  /no reply within|read timeout|timeout exceeded|ECONNREFUSED|ECONNRESET|socket closed|client is (closed|offline)|connection (terminated|timeout)|^LOADING|^MASTERDOWN/i;

/** A text without the passwords of a URL, however short, because libraries quote URLs in their connection errors. */
export function withoutPasswords(text: string, url: string): string {
  return passwordsIn(url).reduce((clean, secret) => clean.replaceAll(secret, '…'), text.replaceAll(url, '…'));
}

/** As in the URL, and decoded. */
function passwordsIn(url: string): readonly string[] {
  const inAuthority = /:\/\/[^/]*?:(.*)@/s.exec(url)?.[1] ?? '';
  const inSettings = [...url.matchAll(/[?&][^=&]*(?:pass|secret|token|key)[^=&]*=([^&#]*)/gi)].map(
    ([, value]) => value!,
  );
  return [inAuthority, ...inSettings].flatMap(secret => (secret === '' ? [] : [secret, decoded(secret)]));
}

/** @throws AnswerStoreError if it is not installed */
async function packageOf<T>({name, package: adapter}: StoreUrl): Promise<T> {
  const installed = resolvePeer(adapter);
  if (installed === undefined) {
    throw new AnswerStoreError(
      `The answer store (${name}) needs a package that is not installed. Run: npm install ${adapter}`,
    );
  }
  return (await import(installed)) as T;
}

async function openStorage(to: StoreUrl, reconnects: boolean): Promise<Storage> {
  const {url, package: adapter, isRedis} = to;
  const {default: Adapter} = await packageOf<{default: new (...options: unknown[]) => Storage}>(to);
  if (isRedis) return openRedis(Adapter, url, reconnects);
  const storage = new Adapter(url);
  // It takes failed reads for misses if it reads several keys one by one.
  if (adapter === '@keyv/etcd') Object.assign(storage, {getMany: undefined});
  return storage;
}

/** Connected at once, because the adapter itself would wait for a server forever. */
async function openRedis(
  Adapter: new (...options: unknown[]) => Storage,
  url: string,
  reconnects: boolean,
): Promise<RedisStorage> {
  let isConnected = false;
  const reconnectStrategy = reconnecting(() => reconnects && isConnected);
  // Without these it takes every failure for a miss.
  const loud = {throwOnErrors: true, throwOnConnectError: true};
  // What waits for a lost server asks again itself, so that nothing piles up in the client.
  const options = {url, socket: {reconnectStrategy}, disableOfflineQueue: reconnects};
  const storage = new Adapter(options, loud) as RedisStorage;
  await storage.client.connect();
  isConnected = true;
  return storage;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const NAMESPACE = 'limbeck';

/**
 * The embedded store, with its leases in a file beside it.
 *
 * @param journal - the folder of the journal that says what holders of leases sent
 */
export function openEmbedded(path: string, journal?: string): Backend {
  const keyv = keyvOver(new LmdbStore(path));
  const leases = new LmdbLeases(`${path}-leases`, Date.now, journal);
  return {
    keyv,
    leases,
    async close() {
      await leases.close();
      await keyv.disconnect();
    },
  };
}

export function openGiven(store: KeyvStoreAdapter | Map<string, unknown>): Backend {
  const keyv = new Keyv({...OPTIONS, store});
  return {keyv, leases: NO_LEASES, close: () => keyv.disconnect()};
}

/**
 * Opens a store on a server within a limit of time, except that tables may be made for as long as it takes.
 *
 * @throws AnswerStoreError if the package of its adapter or client is not installed; Error if the server can't be
 *   reached
 */
export async function openUrl(url: StoreUrl, options: UrlOptions): Promise<Backend> {
  if (url.package === POSTGRES) return openPostgres(await packageOf(url), url.url, options);
  const {journal, reconnects, timeout} = options;
  const store = await inTime(openStorage(url, reconnects), timeout);
  // The adapter for Redis adds the namespace to its keys itself.
  const keyv = new Keyv({...OPTIONS, store, useKeyPrefix: !url.isRedis});
  return {
    keyv,
    short: new ShortAnswers(),
    leases: url.isRedis ? redisLeases((store as RedisStorage).client, journal) : NO_LEASES,
    // Forced, because a server may no longer answer, and acknowledged writes are safe.
    close: async () => store.disconnect?.(true),
  };
}

/**
 * Fails after so many milliseconds, because storages wait for a lost server forever.
 *
 * @param timeout - undefined for no limit
 */
export function inTime<T>(work: Promise<T>, timeout: number | undefined): Promise<T> {
  if (timeout === undefined) return work;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no reply within ${timeout / 1000} s`)), timeout);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

const OPTIONS = {throwOnErrors: true, namespace: NAMESPACE, serialize: toText, deserialize: fromText} as const;

function toText(data: unknown): string {
  return toBytes(data).toString('base64');
}

function fromText<T>(text: string): T {
  return fromBytes(Buffer.from(text, 'base64')) as T;
}
