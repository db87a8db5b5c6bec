/** The speed of answers: from a service through all layers, from a bare loop, and from a warm cache. */
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Agent, type Dispatcher, request} from 'undici';
import {askAll, requestOf, textOf} from './library.ts';
import {askByParts} from './parts.ts';

export interface SpeedOptions {
  readonly url: string;
  readonly calls: number;
  readonly rounds: number;
  readonly concurrency: number;
}

/** Answers per second in each round. */
export interface Speeds {
  readonly bare: number[];
  readonly parts: number[];
  readonly layered: number[];
  readonly warm: number[];
}

/** Bare loop, parts, layers and warm cache take turns, so that other load on the machine affects them equally. */
export async function measureSpeed({url, calls, rounds, concurrency}: SpeedOptions): Promise<Speeds> {
  const dispatcher = new Agent({connections: concurrency});
  const asked = {url, concurrency, dispatcher, maxBatch: 1};
  const speeds: Speeds = {bare: [], parts: [], layered: [], warm: []};
  // The first round warms up connections and the compiler. It isn't counted.
  for (let round = 0; round <= rounds; round++) {
    const [folder, other] = await Promise.all([newFolder(), newFolder()]);
    const bare = await perSecond(calls, () => bareLoop(asked, calls));
    const parts = await perSecond(calls, () => askByParts(asked, calls, other));
    const layered = await perSecond(calls, () => askAll(asked, calls, folder));
    const warm = await perSecond(calls, () => askAll({...asked, url: 'http://127.0.0.1:9'}, calls, folder));
    await Promise.all([folder, other].map(used => rm(used, {recursive: true})));
    if (round === 0) continue;
    speeds.bare.push(bare);
    speeds.parts.push(parts);
    speeds.layered.push(layered);
    speeds.warm.push(warm);
  }
  await dispatcher.close();
  return speeds;
}

const newFolder = () => mkdtemp(join(tmpdir(), 'limbeck-bench-'));

interface BareOptions {
  readonly url: string;
  readonly concurrency: number;
  readonly dispatcher: Dispatcher;
}

/** Asks the same with bare undici, and ignores the replies. */
async function bareLoop({url, concurrency, dispatcher}: BareOptions, calls: number): Promise<void> {
  const target = `${url}/v2/models/instant/infer`;
  const headers = {'content-type': 'application/json', accept: 'application/json'};
  let next = 0;
  const work = async () => {
    while (next < calls) {
      const body = JSON.stringify(requestOf(textOf(next++)));
      const reply = await request(target, {method: 'POST', headers, body, dispatcher});
      await reply.body.text();
    }
  };
  await Promise.all(Array.from({length: concurrency}, work));
}

async function perSecond(count: number, run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return (count / (performance.now() - start)) * 1000;
}

/** The middle value, or the lower of the two middle ones. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)]!;
}
