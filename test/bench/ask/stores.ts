/** What a question costs over each store of answers that processes share, beside the embedded one. */

import {readdirSync, readFileSync} from 'node:fs';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Agent} from 'undici';
import {NO_POSTGRES, startPostgres} from '../../postgres.ts';
import {NO_REDIS, startRedis} from '../../redis.ts';
import {askAll} from './library.ts';
import {median, type SpeedOptions} from './speed.ts';

/** Of one question, in microseconds: medians of the rounds. */
export interface StoreCost {
  readonly name: string;
  /** Until it is answered and kept. */
  readonly time: number;
  /** The processor of the asking process. */
  readonly processor: number;
  /** The same of questions whose answers are kept. */
  readonly warmTime: number;
  readonly warmProcessor: number;
  /** The processor of the store's server, for a question that is asked. */
  readonly server: number;
}

interface MeasuredStore {
  readonly name: string;
  /** A new and empty store. @default a file in the folder of the journal */
  readonly cache?: () => Promise<string>;
  readonly pid?: () => number | undefined;
  stop?(): Promise<void>;
}

async function storesHere(): Promise<readonly MeasuredStore[]> {
  const [redis, postgres] = await Promise.all([startRedis('', 'yes'), startPostgres({fsync: 'on'})]);
  if (redis === undefined) throw new Error(NO_REDIS);
  if (postgres === undefined) throw new Error(NO_POSTGRES);
  const emptied = async () => {
    await redis.command('FLUSHALL');
    return redis.url;
  };
  return [
    {name: 'LMDB'},
    {name: 'Redis', cache: emptied, pid: () => redis.pid, stop: redis.stop},
    {name: 'PostgreSQL', cache: postgres.database, pid: () => postgres.pid, stop: postgres.stop},
  ];
}

/** The stores take turns, so that other load on the machine affects them equally. */
export async function measureStores({url, calls, rounds, concurrency}: SpeedOptions): Promise<readonly StoreCost[]> {
  const dispatcher = new Agent({connections: concurrency});
  const asked = {url, concurrency, dispatcher, maxBatch: 1};
  const stores = await storesHere();
  const costs: StoreCost[][] = stores.map(() => []);
  // The first round warms up connections and the compiler. It isn't counted.
  for (let round = 0; round <= rounds; round++) {
    for (const [index, {name, cache, pid}] of stores.entries()) {
      const folder = await mkdtemp(join(tmpdir(), 'limbeck-bench-'));
      const at = await cache?.();
      const before = serverTime(pid?.());
      const cold = await costOf(calls, () => askAll(asked, calls, folder, at));
      const server = ((serverTime(pid?.()) - before) / calls) * 1e6;
      const warm = await costOf(calls, () => askAll({...asked, url: 'http://127.0.0.1:9'}, calls, folder, at));
      await rm(folder, {recursive: true});
      const cost = {name, ...cold, warmTime: warm.time, warmProcessor: warm.processor, server};
      if (round > 0) costs[index]!.push(cost);
    }
  }
  await dispatcher.close();
  for (const {stop} of stores) await stop?.();
  return costs.map(([first, ...others]) => {
    const middle = (column: Exclude<keyof StoreCost, 'name'>) => median([first!, ...others].map(cost => cost[column]));
    return {
      name: first!.name,
      time: middle('time'),
      processor: middle('processor'),
      warmTime: middle('warmTime'),
      warmProcessor: middle('warmProcessor'),
      server: middle('server'),
    };
  });
}

/** Microseconds for each of `count`. */
async function costOf(count: number, run: () => Promise<unknown>): Promise<Pick<StoreCost, 'time' | 'processor'>> {
  const [begun, before] = [performance.now(), process.cpuUsage()];
  await run();
  const {user, system} = process.cpuUsage(before);
  return {time: ((performance.now() - begun) / count) * 1000, processor: (user + system) / count};
}

/** Processor seconds of a process and its children, with those that ended. */
function serverTime(pid: number | undefined): number {
  if (pid === undefined) return 0;
  const all = readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(timesOf);
  return all
    .filter(({id, parent}) => id === pid || parent === pid)
    .reduce((sum, {own, ended, id}) => sum + own + (id === pid ? ended : 0), 0);
}

/** Of one process, as Linux counts them: a hundred ticks a second. */
function timesOf(id: string) {
  try {
    const stat = readFileSync(`/proc/${id}/stat`, 'utf8');
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [own, ended] = [fields[11]! + fields[12]!, fields[13]! + fields[14]!].map(ticks => ticks / 100);
    return [{id: Number(id), parent: fields[1]!, own: own!, ended: ended!}];
  } catch {
    // It has ended meanwhile.
    return [];
  }
}
