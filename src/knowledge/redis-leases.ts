import {type Holder, type Leases, newHolder} from './leases.ts';
import {fateOf} from './owner.ts';

/** What is used of a client of `@redis/client`. */
export interface RedisClient {
  eval(script: string, use: {readonly keys: string[]; readonly arguments: string[]}): Promise<unknown>;
}

const PREFIX = 'limbeck-lease:';

// Each script is one step of the server: nobody comes between. Its first argument is who asks.

const ACQUIRE = `
  local holders = {}
  for i, key in ipairs(KEYS) do
    local taken = redis.call('SET', key, ARGV[1], 'NX', 'PX', ARGV[2])
    holders[i] = taken and '' or redis.call('GET', key)
  end
  return holders`;

/** Takes a lease from the holder that it was seen with. */
const TAKE_OVER = `
  local own = {}
  for i, key in ipairs(KEYS) do
    local isStill = redis.call('GET', key) == ARGV[i + 2]
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

/** Leases in Redis, whose clock sees to their end. */
export class RedisLeases implements Leases {
  readonly shared = true;
  readonly #client: RedisClient;
  readonly #self = JSON.stringify(newHolder());

  constructor(client: RedisClient) {
    this.#client = client;
  }

  async acquire(keys: readonly string[], milliseconds: number): Promise<readonly boolean[]> {
    const lifetime = String(milliseconds);
    const holders = (await this.#run(ACQUIRE, keys, [lifetime])) as readonly string[];
    const orphaned = keys.flatMap((_, index) => (isOrphaned(holders[index]!) ? [index] : []));
    const taken = (await this.#run(
      TAKE_OVER,
      orphaned.map(index => keys[index]!),
      [lifetime, ...orphaned.map(index => holders[index]!)],
    )) as readonly number[];
    const own = new Set(orphaned.filter((_, place) => taken[place] === 1));
    return keys.map((_, index) => holders[index] === '' || own.has(index));
  }

  async renew(keys: readonly string[], milliseconds: number): Promise<readonly boolean[]> {
    const own = (await this.#run(RENEW, keys, [String(milliseconds)])) as readonly number[];
    return own.map(isOwn => isOwn === 1);
  }

  async release(keys: readonly string[]): Promise<void> {
    await this.#run(RELEASE, keys, []);
  }

  async #run(script: string, keys: readonly string[], rest: readonly string[]): Promise<unknown> {
    if (keys.length === 0) return [];
    return this.#client.eval(script, {keys: keys.map(key => PREFIX + key), arguments: [this.#self, ...rest]});
  }
}

/** Whether the holder, of which there is one, was a process of this machine and has ended. */
function isOrphaned(holder: string): boolean {
  return holder !== '' && fateOf((JSON.parse(holder) as Holder).process) === 'ended';
}
