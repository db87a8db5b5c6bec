/** Labels on a queue while workers, coordinators and Redis are killed, and counts what was lost or paid twice. */
import {createHash} from 'node:crypto';
import {existsSync} from 'node:fs';
import {copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout} from 'node:timers/promises';
import {Redis} from 'ioredis';
import {request} from 'undici';
import {keyed} from '../../../src/ask/layer.ts';
import {randomInteger, seededRandom} from '../../../src/data/random.ts';
import {NO_REDIS, type RedisServer, startRedis} from '../../redis.ts';
import {startService} from '../ask/library.ts';
import {type Peak, Program} from './program.ts';
import {textOf, writeTexts} from './texts.ts';

export interface KillOptions {
  readonly texts: number;
  readonly workers: number;
  /** Requests at once, of all workers together. */
  readonly concurrency: number;
  /** Seconds between two kills of a random worker. */
  readonly every: number;
  /** Milliseconds until the service answers. */
  readonly delay: number;
  /** The most requests that may be paid for. */
  readonly budget: number;
  /** Of the workers that are killed. */
  readonly seed: number;
  /** MiB of heap that a worker, and a coordinator, may have. */
  readonly heaps: {readonly worker: number; readonly coordinator: number};
  /** Ends everything. */
  readonly signal: AbortSignal;
}

export interface KillOutcome {
  /** Until all was answered, and until the knowledge was saved. */
  readonly seconds: {readonly answered: number; readonly all: number};
  readonly kills: {readonly workers: number; readonly coordinators: number; readonly redis: number};
  readonly answers: number;
  /** Texts that the service answered more than once, and those of them that nobody named in doubt. */
  readonly paidAgain: number;
  readonly unnamed: number;
  readonly named: number;
  /** Requests that the service was paid for. */
  readonly requests: number;
  readonly peaks: {readonly workers: readonly Peak[]; readonly coordinators: readonly Peak[]};
  /** Bytes of Redis at the end. */
  readonly redis: {readonly memory: number; readonly file: number};
  readonly knowledge: Digests;
}

/** SHA-256 of the shards of knowledge, by their names. */
export type Digests = ReadonlyMap<string, string>;

interface Counts {
  readonly requests: number;
  readonly answered: number;
  readonly again: readonly number[];
}

const root = join(import.meta.dirname, '../../..');

/** The price of a request in US dollars, as the recipe has it. */
const PRICE = 0.001;

export async function measureKills(options: KillOptions): Promise<KillOutcome> {
  const redis = await startRedis('', 'yes');
  if (redis === undefined) throw new Error(NO_REDIS);
  const service = await startService('../scale/counting-service.ts', String(options.texts), String(options.delay));
  const folder = await mkdtemp(join(tmpdir(), 'limbeck-scale-'));
  const run = new KilledRun(options, {redis, folder, url: service.url});
  try {
    return await run.outcome();
  } finally {
    await run.end();
    service.close();
    await redis.stop();
    await rm(folder, {recursive: true});
  }
}

/** The knowledge that one process makes alone, as far as it comes in this time. */
export async function undisturbed({texts, concurrency, signal}: KillOptions, seconds: number): Promise<Digests> {
  const service = await startService('../scale/counting-service.ts', String(texts), '0');
  const folder = await mkdtemp(join(tmpdir(), 'limbeck-scale-'));
  try {
    await writeTexts(folder, texts);
    const place = await makePlace(folder, 'single');
    const env = environment({texts, concurrency}, folder, service.url);
    const program = new Program(place, ['label', 'recipe.ts'], {env});
    const isOver = setTimeout(1000 * seconds, undefined, {signal, ref: false});
    await Promise.race([program.succeeded(), isOver]).finally(() => program.kill());
    return await knowledgeOf(place);
  } finally {
    service.close();
    await rm(folder, {recursive: true});
  }
}

function environment({texts, concurrency}: Pick<KillOptions, 'texts' | 'concurrency'>, folder: string, url: string) {
  const [inputs, atOnce] = [String(texts), String(concurrency)];
  return {BENCH_URL: url, BENCH_INPUTS: inputs, BENCH_CONCURRENCY: atOnce, BENCH_TEXTS: folder};
}

interface Surroundings {
  readonly redis: RedisServer;
  readonly folder: string;
  /** Of the service. */
  readonly url: string;
}

class KilledRun {
  readonly #options: KillOptions;
  readonly #around: Surroundings;
  readonly #programs: {readonly workers: Program[]; readonly coordinators: Program[]} = {workers: [], coordinators: []};
  readonly #kills = {workers: 0, coordinators: 0, redis: 0};

  constructor(options: KillOptions, around: Surroundings) {
    this.#options = options;
    this.#around = around;
  }

  async outcome(): Promise<KillOutcome> {
    const {texts} = this.#options;
    const {folder, url, redis} = this.#around;
    await writeTexts(folder, texts);
    const coordinator = await makePlace(folder, 'coordinator');
    const seconds = await this.#label(coordinator, await this.#places());
    const {requests, answered, again} = await countsOf(url);
    const doubts = await namedKeys(await this.#places());
    const {teacher} = await this.#recipe(coordinator);
    const keyFor = (number: number) => keyed(teacher, {input: {kind: 'text', text: textOf(number)}}).key;
    const {workers, coordinators} = this.#programs;
    const peaksOf = (programs: readonly Program[]) => programs.map(({peak}) => peak);
    return {
      ...{seconds, kills: this.#kills, answers: answered, requests, paidAgain: again.length, named: doubts.size},
      unnamed: again.filter(number => !doubts.has(keyFor(number))).length,
      peaks: {workers: peaksOf(workers), coordinators: peaksOf(coordinators)},
      redis: await sizeOf(redis),
      knowledge: await knowledgeOf(coordinator),
    };
  }

  async end(): Promise<void> {
    await Promise.all(Object.values(this.#programs).flatMap(programs => programs.map(program => program.kill())));
  }

  #places(): Promise<readonly string[]> {
    const names = Array.from({length: this.#options.workers}, (_, index) => `worker-${index}`);
    return Promise.all(names.map(name => makePlace(this.#around.folder, name)));
  }

  /** Labels while parts are killed, until the knowledge is saved. */
  async #label(place: string, places: readonly string[]): Promise<KillOutcome['seconds']> {
    const {texts, every, budget, seed, signal} = this.#options;
    const {redis, url} = this.#around;
    const random = seededRandom(seed, 'kills');
    const label = () =>
      this.#begin('coordinators', place, [
        'label',
        'recipe.ts',
        '--queue',
        redis.url,
        '--budget',
        `${budget * PRICE}usd`,
      ]);
    const work = (index: number) => this.#begin('workers', places[index]!, ['worker', redis.url]);
    const begun = performance.now();
    const since = () => (performance.now() - begun) / 1000;
    let coordinator = label();
    const killCoordinator = async () => {
      await coordinator.kill();
      this.#kills.coordinators++;
      coordinator = label();
    };
    const running = places.map((_, index) => work(index));
    const acts = [
      {at: 0.3, act: killCoordinator},
      {at: 0.5, act: () => this.#restartRedis()},
      {at: 0.7, act: killCoordinator},
    ];
    const most = Math.min(texts, budget * BATCH);
    let next = every;
    let [answeredAt, answeredAtKill] = [0, 0];
    while (!coordinator.hasEnded) {
      await setTimeout(500, undefined, {signal});
      for (const worker of running) worker.checkRunning();
      const {answered} = await countsOf(url);
      if (answered < texts) answeredAt = since();
      if (acts[0] && answered >= acts[0].at * most) await acts.shift()!.act();
      // On a busy machine a worker may take as long to start as it has until it is killed.
      if (since() < next || answered === answeredAtKill) continue;
      next = since() + every;
      answeredAtKill = answered;
      console.error(`${Math.round(since())} s: ${answered.toLocaleString('en-GB')} answered`);
      if (answered === texts) continue;
      const index = randomInteger(random, 0, running.length - 1);
      await running[index]!.kill();
      running[index] = work(index);
      this.#kills.workers++;
    }
    await coordinator.succeeded();
    return {answered: answeredAt, all: since()};
  }

  #begin(kind: 'workers' | 'coordinators', place: string, args: readonly string[]): Program {
    const {worker, coordinator} = this.#options.heaps;
    const env = environment(this.#options, this.#around.folder, this.#around.url);
    const program = new Program(place, args, {env, heap: kind === 'workers' ? worker : coordinator});
    this.#programs[kind].push(program);
    return program;
  }

  async #restartRedis(): Promise<void> {
    const {redis} = this.#around;
    await redis.kill();
    await setTimeout(2000);
    await redis.start();
    this.#kills.redis++;
  }

  async #recipe(place: string): Promise<typeof import('./recipe.ts')> {
    Object.assign(process.env, environment(this.#options, this.#around.folder, this.#around.url));
    return (await import(join(place, 'recipe.ts'))) as typeof import('./recipe.ts');
  }
}

/** Texts in a request. */
export const BATCH = 64;

/** A folder as a machine has it: the recipe, the package, and a journal of its own. */
async function makePlace(folder: string, name: string): Promise<string> {
  const place = join(folder, name);
  if (existsSync(place)) return place;
  await mkdir(join(place, 'node_modules'), {recursive: true});
  await copyFile(join(import.meta.dirname, 'recipe.ts'), join(place, 'recipe.ts'));
  await symlink(root, join(place, 'node_modules/limbeck'));
  return place;
}

async function countsOf(url: string, attempts = 3): Promise<Counts> {
  try {
    const {body} = await request(`${url}/counts`);
    return (await body.json()) as Counts;
  } catch (error) {
    if (attempts === 1) throw error;
    return countsOf(url, attempts - 1);
  }
}

async function sizeOf({url}: RedisServer): Promise<KillOutcome['redis']> {
  const client = new Redis(url);
  const info = await client.info();
  client.disconnect();
  const numberOf = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1]);
  return {memory: numberOf('used_memory_peak'), file: numberOf('aof_current_size')};
}

async function knowledgeOf(place: string): Promise<Digests> {
  const folder = join(place, 'out/scale/knowledge/gray-box.shards');
  const digests = new Map<string, string>();
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.endsWith('.safetensors')) continue;
    digests.set(
      name,
      createHash('sha256')
        .update(await readFile(join(folder, name)))
        .digest('hex'),
    );
  }
  return digests;
}

/** The keys of what workers named in doubt. */
async function namedKeys(places: readonly string[]): Promise<ReadonlySet<string>> {
  const keys = new Set<string>();
  for (const place of places) {
    const path = join(place, '.limbeck/journal/in-doubt.txt');
    if (!existsSync(path)) continue;
    for (const line of (await readFile(path, 'utf8')).trim().split('\n')) keys.add(line.split(' ')[1]!);
  }
  return keys;
}
