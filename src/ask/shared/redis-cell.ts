import {createHash} from 'node:crypto';
import {hostname} from 'node:os';
import type {Cell, Seen} from '../../pace/shared/cell.ts';
import {CLOCK, RedisScript, type ScriptClient} from '../../store/redis-script.ts';

/** The number is that of the form of the state. */
const PREFIX = 'limbeck-pace:1:';

/** Milliseconds after which an account that nobody asks is forgotten. */
const FORGOTTEN_AFTER = 86_400_000;

const EXCHANGE = new RedisScript(`${CLOCK}
  local kept = redis.call('HMGET', KEYS[1], 'version', 'restarted')
  local version, restarted = kept[1] or '', kept[2] or '0'
  if ARGV[1] == 'fresh' and version ~= '' then
    restarted = digits(now)
    version = 'restarted ' .. restarted
    redis.call('HSET', KEYS[1], 'version', version, 'restarted', restarted)
  end
  if version ~= ARGV[2] then return {now, version, redis.call('HGET', KEYS[1], 'text') or '', restarted} end
  if ARGV[3] ~= '' then
    version = ARGV[3]
    redis.call('HSET', KEYS[1], 'version', version, 'text', ARGV[4])
    redis.call('PEXPIRE', KEYS[1], ARGV[5])
  end
  return {now, version, '', restarted}`);

/** The state of an account in Redis, on the clock of its server. */
export class RedisCell implements Cell {
  readonly #client: ScriptClient;
  readonly #key: string;

  constructor(client: ScriptClient, account: string) {
    this.#client = client;
    this.#key = PREFIX + digestOf(account);
  }

  async exchange(known: string, next = {version: '', text: ''}): Promise<Seen> {
    const values = [known, next.version, next.text, String(FORGOTTEN_AFTER)];
    const seen = (await EXCHANGE.run(this.#client, this.#key, values)) as [number, string, string, string];
    const [now, version, text, restartedAt] = seen;
    return {now, version, text: text === '' ? undefined : text, restartedAt: Number(restartedAt)};
  }
}

/** A service on this machine, or a program, is another one on another machine. */
const HERE = /^https?:\/\/(localhost|127\.|\[::1\]|0\.0\.0\.0)/;

/** An account can name what nobody else should read. */
function digestOf(account: string): string {
  const isRemote = /^https?:\/\//.test(account) && !HERE.test(account);
  return createHash('sha256')
    .update(isRemote ? account : `${hostname()} ${account}`)
    .digest('hex')
    .slice(0, 32);
}
