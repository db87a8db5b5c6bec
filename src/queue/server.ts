import {pause} from '../concurrency.ts';
import {InputError, LimbeckError} from '../errors.ts';
import {loadPeer} from '../peer.ts';
import {isOfLostServer, storeUrl, withoutPasswords} from '../store/store-url.ts';

/** The used part of a client of `ioredis`. */
export interface Redis {
  connect(): Promise<void>;
  disconnect(): void;
  on(event: string, listener: (error: Error) => void): unknown;
  info(section: string): Promise<string>;
  get(key: string): Promise<string | null>;
  mget(...keys: readonly string[]): Promise<readonly (string | null)[]>;
  set(key: string, value: string, unit: 'PX', milliseconds: number): Promise<unknown>;
  del(...keys: readonly string[]): Promise<number>;
  hset(key: string, field: string, value: string): Promise<number>;
  hget(key: string, field: string): Promise<string | null>;
  hgetall(key: string): Promise<Readonly<Record<string, string>>>;
  hdel(key: string, ...fields: readonly string[]): Promise<number>;
  sadd(key: string, ...members: readonly string[]): Promise<number>;
  smembers(key: string): Promise<readonly string[]>;
  srem(key: string, ...members: readonly string[]): Promise<number>;
  rpush(key: string, value: Buffer): Promise<number>;
  llen(key: string): Promise<number>;
  lindexBuffer(key: string, index: number): Promise<Buffer | null>;
  exists(key: string): Promise<number>;
  rename(key: string, other: string): Promise<unknown>;
  pexpire(key: string, milliseconds: number): Promise<number>;
}

/** The used part of a job of `bullmq`, with data D and result R. */
export interface Job<D = unknown, R = unknown> {
  readonly id?: string;
  readonly name: string;
  readonly data: D;
  readonly returnvalue: R;
  readonly failedReason?: string;
  readonly progress: unknown;
  /** Milliseconds since 1970 at which a worker took it last. */
  readonly processedOn?: number;
  /** Milliseconds since 1970 at which it was done, or failed. */
  readonly finishedOn?: number;
  /** How often a worker took it. */
  readonly attemptsStarted: number;
  updateProgress(progress: object): Promise<void>;
  moveToWait(token: string): Promise<unknown>;
  moveToDelayed(until: number, token: string): Promise<void>;
  retry(): Promise<void>;
  remove(): Promise<void>;
}

/** A job that is to be added. One with the id of a job that is there changes nothing. */
export interface NewJob<D> {
  readonly name: string;
  readonly data: D;
  readonly opts: {readonly jobId: string; readonly stackTraceLimit: number};
}

/** The used part of a queue of `bullmq`. */
export interface Queue<D = unknown, R = unknown> {
  addBulk(jobs: readonly NewJob<D>[]): Promise<unknown>;
  getJobCounts(...states: readonly string[]): Promise<Readonly<Record<string, number>>>;
  getActive(start: number, end: number): Promise<readonly (Job<D, R> | undefined)[]>;
  getCompleted(start: number, end: number): Promise<readonly (Job<D, R> | undefined)[]>;
  getFailed(start: number, end: number): Promise<readonly (Job<D, R> | undefined)[]>;
  isPaused(): Promise<boolean>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  obliterate(options: {readonly force: boolean}): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  close(): Promise<void>;
}

/** The used part of a worker of `bullmq`. */
export interface BullWorker {
  on(event: 'error', listener: (error: Error) => void): unknown;
  close(force?: boolean): Promise<void>;
}

export interface BullWorkerOptions {
  readonly name: string;
  /** Jobs at once. */
  readonly concurrency: number;
  /** Milliseconds after which a job whose worker fell silent is another's. */
  readonly lockDuration: number;
  /** Milliseconds between two searches for such jobs. */
  readonly stalledInterval: number;
  readonly maxStalledCount: number;
  /** Seconds of one wait for a job. */
  readonly drainDelay: number;
}

type Work<D, R> = (job: Job<D, R>, token: string) => Promise<R>;

interface BullMq {
  readonly Queue: new <D, R>(name: string, options: {readonly connection: Redis}) => Queue<D, R>;
  readonly Worker: new <D, R>(
    name: string,
    work: Work<D, R>,
    options: BullWorkerOptions & {readonly connection: Redis},
  ) => BullWorker;
  /** A worker throws these when it has put a job back: nothing failed. */
  readonly WaitingError: new () => Error;
  readonly DelayedError: new () => Error;
}

interface IoRedis {
  readonly default: new (url: string, options: object) => Redis;
}

/** A Redis with queues, and its client. */
export interface QueueServer {
  /** The URL, with user and password. */
  readonly url: string;
  /** The URL without user, password and settings. */
  readonly name: string;
  readonly redis: Redis;
  readonly putBack: Pick<BullMq, 'WaitingError' | 'DelayedError'>;
  openQueue<D, R>(name: string): Queue<D, R>;
  startWorker<D, R>(queue: string, work: Work<D, R>, options: BullWorkerOptions): BullWorker;
  close(): void;
}

const WHO = 'Labelling on a queue';

/** The longest pause between two attempts to reach a lost server, in milliseconds. */
const LONGEST_PAUSE = 1000;

/**
 * Connects to the Redis of a queue. A connection that is lost later is waited for.
 *
 * @param onNote - receives notes for people: the server is away, or back, or keeps nothing on disk
 * @param waits - waits for a server that is away now, too, until it aborts
 * @throws InputError if it is no URL of Redis, or its server evicts keys
 * @throws LimbeckError if nobody answers there, or the server refuses to
 * @throws AbortError if `waits` aborted
 */
export async function openQueueServer(
  url: string,
  onNote: (note: string) => void,
  waits?: AbortSignal,
): Promise<QueueServer> {
  const {name, isRedis} = storeUrl(url);
  if (!isRedis) throw new InputError(`A queue needs a Redis, such as redis://127.0.0.1:6379/0. Got ${name}.`);
  const {default: Client} = await loadPeer<IoRedis>('ioredis', WHO);
  const {Queue, Worker, WaitingError, DelayedError} = await loadPeer<BullMq>('bullmq', WHO);
  const {redis, close} = await connect(Client, {url, name, onNote, waits});
  const hears = (error: Error) => {
    // A lost server is noted once by its client. A job whose lock was lost meanwhile is done again.
    if (!isOfLostServer(error) && !/\block\b/.test(error.message)) onNote(withoutPasswords(error.message, url));
  };
  try {
    await checkSettings(redis, name, onNote);
  } catch (error) {
    close();
    throw error;
  }
  return {
    url,
    name,
    redis,
    putBack: {WaitingError, DelayedError},
    openQueue<D, R>(queue: string) {
      const opened = new Queue<D, R>(queue, {connection: redis});
      opened.on('error', hears);
      return opened;
    },
    startWorker<D, R>(queue: string, work: Work<D, R>, options: BullWorkerOptions) {
      const worker = new Worker<D, R>(queue, work, {connection: redis, ...options});
      worker.on('error', hears);
      return worker;
    },
    close,
  };
}

interface Address {
  readonly url: string;
  readonly name: string;
  readonly onNote: (note: string) => void;
  readonly waits: AbortSignal | undefined;
}

async function connect(Client: IoRedis['default'], address: Address): Promise<Pick<QueueServer, 'redis' | 'close'>> {
  const {url, name, onNote} = address;
  let isConnected = false;
  let lostAt: number | undefined;
  const retryStrategy = (count: number) => (isConnected ? Math.min(50 * 2 ** count, LONGEST_PAUSE) : null);
  const redis = new Client(url, {lazyConnect: true, maxRetriesPerRequest: null, retryStrategy});
  const noteAway = () => {
    if (lostAt !== undefined) return;
    lostAt = performance.now();
    onNote(`Redis (${name}) is away. It is waited for.`);
  };
  redis.on('close', () => isConnected && noteAway());
  redis.on('ready', () => {
    if (lostAt !== undefined) {
      onNote(`Redis (${name}) is back after ${Math.round((performance.now() - lostAt) / 1000)} s.`);
    }
    lostAt = undefined;
  });
  try {
    await reach(redis, address, noteAway);
  } catch (error) {
    redis.disconnect();
    throw error;
  }
  isConnected = true;
  const close = () => {
    isConnected = false;
    redis.disconnect();
  };
  return {redis, close};
}

/** Connects for the first time. @param onAway - called each time that the server is away and is tried again */
async function reach(redis: Redis, {url, name, waits}: Address, onAway: () => void): Promise<void> {
  let reason: Error | undefined;
  redis.on('error', error => {
    reason = error;
  });
  const end = () => redis.disconnect();
  waits?.addEventListener('abort', end);
  try {
    while (true) {
      reason = undefined;
      try {
        return await redis.connect();
      } catch (error) {
        // Not disconnected: the client would then keep the reasons of later attempts to itself.
        waits?.throwIfAborted();
        const cause = reason ?? (error as Error);
        if (waits === undefined || !mayComeBack(cause)) throw unreached(name, cause, url);
      }
      onAway();
      await pause(LONGEST_PAUSE, waits);
      waits?.throwIfAborted();
    }
  } finally {
    waits?.removeEventListener('abort', end);
  }
}

/** True for a server that is away, and not for a name that nobody has. */
function mayComeBack(reason: Error): boolean {
  return isOfLostServer(reason) && (reason as NodeJS.ErrnoException).code !== 'ENOTFOUND';
}

function unreached(name: string, reason: Error, url: string): LimbeckError {
  const why = withoutPasswords(reason.message || String((reason as NodeJS.ErrnoException).code), url);
  return new LimbeckError(`Redis (${name}) can't be reached: ${why}. Check that it runs and takes these credentials.`);
}

/** @throws InputError if the server may drop keys, which are jobs and paid answers */
async function checkSettings(redis: Redis, name: string, onNote: (note: string) => void): Promise<void> {
  const memory = settingsIn(await redis.info('memory'));
  const policy = memory.get('maxmemory_policy') ?? 'noeviction';
  if (policy !== 'noeviction') {
    throw new InputError(
      `Redis (${name}) drops keys when its memory is full (\`maxmemory-policy ${policy}\`). Jobs and paid answers would ` +
        'be lost. Run: redis-cli CONFIG SET maxmemory-policy noeviction',
    );
  }
  if (settingsIn(await redis.info('persistence')).get('aof_enabled') === '0') {
    onNote(
      `Redis (${name}) writes no append-only file. If it ends, it loses the answers since its last snapshot, which the ` +
        'journals of the workers still have. Run: redis-cli CONFIG SET appendonly yes',
    );
  }
}

function settingsIn(info: string): ReadonlyMap<string, string> {
  return new Map(info.split(/\r?\n/).map(line => line.split(':', 2) as [string, string]));
}
