import {createHash} from 'node:crypto';
import type {RedisClient} from './redis-leases.ts';

/** The used part of a client of `@redis/client`, to run scripts. */
export interface ScriptClient extends RedisClient {
  evalSha(digest: string, use: {readonly keys: string[]; readonly arguments: string[]}): Promise<unknown>;
}

/**
 * An atomic step of the server. Its first argument is `fresh` if the server did not know the script: it was started
 * again, and may have lost what was written just before.
 */
export class RedisScript {
  readonly #source: string;
  readonly #digest: string;

  constructor(source: string) {
    this.#source = source;
    this.#digest = createHash('sha1').update(source).digest('hex');
  }

  async run(client: ScriptClient, key: string, values: readonly string[]): Promise<unknown> {
    try {
      return await client.evalSha(this.#digest, {keys: [key], arguments: ['', ...values]});
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return client.eval(this.#source, {keys: [key], arguments: ['fresh', ...values]});
    }
  }
}

/** Lua: the milliseconds of the server's clock since 1970, as a number, and a number as digits. */
export const CLOCK = `
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local function digits(number) return string.format('%.0f', number) end`;
