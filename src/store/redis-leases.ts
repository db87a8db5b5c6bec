import {type LeaseTable, type SeenLease, ServerLeases, TRACE} from './server-leases.ts';

/** The used part of a client of `@redis/client`. */
export interface RedisClient {
  eval(script: string, use: {readonly keys: string[]; readonly arguments: string[]}): Promise<unknown>;
}

const PREFIX = 'limbeck-lease:';

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

/**
 * Leases in Redis.
 *
 * @param journal - the folder of the journal that says what was sent
 */
export function redisLeases(client: RedisClient, journal?: string): ServerLeases {
  return new ServerLeases(new RedisLeaseTable(client), journal);
}

class RedisLeaseTable implements LeaseTable {
  readonly #client: RedisClient;

  constructor(client: RedisClient) {
    this.#client = client;
  }

  async take(keys: readonly string[], holder: string, milliseconds: number) {
    const seen = (await this.#run(ACQUIRE, keys, [holder, ...timesOf(milliseconds)])) as readonly string[];
    return keys.map((key, index) => {
      const text = seen[index]!;
      return text === '' ? undefined : {key, holder: text.slice(1), isOver: text.startsWith('-')};
    });
  }

  async takeOver(leases: readonly SeenLease[], holder: string, milliseconds: number) {
    const seen = leases.map(lease => `${lease.isOver ? '-' : '+'}${lease.holder}`);
    const keys = leases.map(({key}) => key);
    const taken = await this.#run(TAKE_OVER, keys, [holder, ...timesOf(milliseconds), ...seen]);
    return (taken as readonly number[]).map(isTaken => isTaken === 1);
  }

  async renew(keys: readonly string[], holder: string, milliseconds: number) {
    const own = await this.#run(RENEW, keys, [holder, ...timesOf(milliseconds)]);
    return (own as readonly number[]).map(isOwn => isOwn === 1);
  }

  async release(keys: readonly string[], holder: string): Promise<void> {
    await this.#run(RELEASE, keys, [holder]);
  }

  #run(script: string, keys: readonly string[], given: readonly string[]): Promise<unknown> {
    return this.#client.eval(script, {keys: keys.map(key => PREFIX + key), arguments: [...given]});
  }
}

/** How long a lease is kept, and how long of that it only leaves a trace. */
function timesOf(milliseconds: number): readonly string[] {
  return [String(milliseconds + TRACE), String(TRACE)];
}
