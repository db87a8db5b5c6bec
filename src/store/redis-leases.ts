import {type Holder, isJournaledWith, type Leases, newHolder, type TakenOver} from './leases.ts';
import {fateOf} from './owner.ts';

/** The used part of a client of `@redis/client`. */
export interface RedisClient {
  eval(script: string, use: {readonly keys: string[]; readonly arguments: string[]}): Promise<unknown>;
}

const PREFIX = 'limbeck-lease:';

/** Milliseconds for which an unreleased lease leaves a trace after its end, so that the next holder knows. */
const TRACE = 3_600_000;

// Each script is one atomic step of the server. Its first argument is the caller.

/**
 * Returns the holder of each key that could not be had, after `+` if the lease is valid and `-` if its time is over.
 */
const ACQUIRE = `
  local holders = {}
  for i, key in ipairs(KEYS) do
    local taken = redis.call('SET', key, ARGV[1], 'NX', 'PX', ARGV[2])
    local state = redis.call('PTTL', key) > tonumber(ARGV[3]) and '+' or '-'
    holders[i] = taken and '' or state .. redis.call('GET', key)
  end
  return holders`;

/** Takes a lease from the holder and in the state that were seen. */
const TAKE_OVER = `
  local own = {}
  for i, key in ipairs(KEYS) do
    local seen = ARGV[i + 3]
    local isOver = redis.call('PTTL', key) <= tonumber(ARGV[3])
    local isStill = redis.call('GET', key) == string.sub(seen, 2) and (isOver or string.sub(seen, 1, 1) == '+')
    if isStill then redis.call('SET', key, ARGV[1], 'PX', ARGV[2]) end
    own[i] = isStill and 1 or 0
  end
  return own`;

const RENEW = `
  local own = {}
  for i, key in ipairs(KEYS) do
    own[i] = redis.call('GET', key) == ARGV[1] and redis.call('PEXPIRE', key, ARGV[2]) or 0
  end
  return own`;

const RELEASE = `
  for i, key in ipairs(KEYS) do
    if redis.call('GET', key) == ARGV[1] then redis.call('DEL', key) end
  end`;

/** Leases in Redis, whose clock ends them. */
export class RedisLeases implements Leases {
  readonly shared = true;
  readonly #client: RedisClient;
  readonly #journal: string | undefined;
  /** Keys that were acquired and not released, and those that are being acquired. */
  readonly #own = new Set<string>();
  #self: Holder | undefined;

  /** @param journal - the folder of the journal that says what was sent */
  constructor(client: RedisClient, journal?: string) {
    this.#client = client;
    this.#journal = journal;
  }

  async acquire(
    keys: readonly string[],
    milliseconds: number,
    onTakenOver: (taken: readonly TakenOver[]) => void = () => {},
  ): Promise<readonly boolean[]> {
    const fresh = new Set(keys.filter(key => !this.#own.has(key)));
    for (const key of fresh) this.#own.add(key);
    let isAcquired: readonly boolean[] = [];
    try {
      isAcquired = await this.#acquire(keys, fresh, milliseconds, onTakenOver);
      return isAcquired;
    } finally {
      for (const [index, key] of keys.entries()) if (!isAcquired[index] && fresh.has(key)) this.#own.delete(key);
    }
  }

  /** @param fresh - the keys that are not one's own, as far as one knows */
  async #acquire(
    keys: readonly string[],
    fresh: ReadonlySet<string>,
    milliseconds: number,
    onTakenOver: (taken: readonly TakenOver[]) => void,
  ): Promise<readonly boolean[]> {
    const times = [String(milliseconds + TRACE), String(TRACE)];
    const seen = (await this.#run(ACQUIRE, keys, times)) as readonly string[];
    // One's own nevertheless: the reply to an earlier call was lost with its connection.
    const isLost = keys.map((key, index) => fresh.has(key) && holderIn(seen[index]!)?.id === this.#holder.id);
    const open = keys.flatMap((key, index) => {
      const holder = isLost[index] ? undefined : holderIn(seen[index]!);
      const isOver = seen[index]!.startsWith('-');
      const hasEnded = holder !== undefined && fateOf(holder.process) === 'ended';
      const isJournaled = hasEnded && isJournaledWith(holder, this.#holder);
      return holder && (isOver || hasEnded) ? [{index, key, isJournaled}] : [];
    });
    const taken = (await this.#run(
      TAKE_OVER,
      open.map(({key}) => key),
      [...times, ...open.map(({index}) => seen[index]!)],
    )) as readonly number[];
    const own = open.filter((_, index) => taken[index] === 1);
    if (own.length > 0) onTakenOver(own.map(({key, isJournaled}) => ({key, isJournaled})));
    const indices = new Set(own.map(({index}) => index));
    return keys.map((_, index) => seen[index] === '' || indices.has(index) || isLost[index]!);
  }

  async renew(keys: readonly string[], milliseconds: number): Promise<readonly boolean[]> {
    const own = (await this.#run(RENEW, keys, [String(milliseconds + TRACE)])) as readonly number[];
    return own.map(isOwn => isOwn === 1);
  }

  async release(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.#own.delete(key);
    await this.#run(RELEASE, keys, []);
  }

  /** Made late, because the journal exists only when something is asked. */
  get #holder(): Holder {
    this.#self ??= newHolder(this.#journal);
    return this.#self;
  }

  async #run(script: string, keys: readonly string[], rest: readonly string[]): Promise<unknown> {
    if (keys.length === 0) return [];
    const self = JSON.stringify(this.#holder);
    return this.#client.eval(script, {keys: keys.map(key => PREFIX + key), arguments: [self, ...rest]});
  }
}

/** The holder of a key in a result of `ACQUIRE`; undefined if the key was free. */
function holderIn(seen: string): Holder | undefined {
  return seen === '' ? undefined : (JSON.parse(seen.slice(1)) as Holder);
}
