/** Labels on a queue while workers, coordinators and Redis are killed, and counts what was lost or paid twice. */
import {createHash, randomInt} from 'node:crypto';
import {existsSync, readFileSync} from 'node:fs';
import {copyFile, mkdir, mkdtemp, readFile, symlink} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout} from 'node:timers/promises';
import {request} from 'undici';
import {keyed} from '../../../src/ask/layer.ts';
import {NO_REDIS, type RedisServer, startRedis} from '../../redis.ts';
import {startService} from '../ask/library.ts';
import {Program} from './program.ts';

export interface KillOptions {
  readonly texts: number;
  readonly workers: number;
  /** Of each worker's teacher. */
  readonly concurrency: number;
  /** Seconds between two kills of a random worker. */
  readonly every: number;
  /** Milliseconds until the service answers. */
  readonly delay: number;
}

export interface KillOutcome {
  readonly seconds: number;
  readonly kills: {readonly workers: number; readonly coordinators: number; readonly redis: number};
  readonly answers: number;
  /** Texts that the service answered more than once, and those of them that nobody named in doubt. */
  readonly paidAgain: number;
  readonly unnamed: number;
  readonly named: number;
  /** Requests that the service was paid for. */
  readonly requests: number;
  /** The most bytes that one process had in memory, the coordinator among them. */
  readonly peakBytes: number;
  /** Whether the knowledge is that of one process that nobody disturbed. */
  readonly isSame: boolean;
}

interface Counts {
  readonly requests: number;
  readonly answered: number;
  readonly again: readonly number[];
}

const root = join(import.meta.dirname, '../../..');

export async function measureKills({texts, workers, concurrency, every, delay}: KillOptions): Promise<KillOutcome> {
  const redis = await startRedis('', 'yes');
  if (redis === undefined) throw new Error(NO_REDIS);
  const service = await startService('../scale/counting-service.ts', String(texts), String(delay), '0');
  const undisturbed = await startService('../scale/counting-service.ts', String(texts), '0', '0');
  const folder = await mkdtemp(join(tmpdir(), 'limbeck-scale-'));
  const env = {BENCH_URL: service.url, BENCH_INPUTS: String(texts), BENCH_CONCURRENCY: String(concurrency)};
  const kills = {workers: 0, coordinators: 0, redis: 0};
  const all: Program[] = [];
  const begin = (place: string, args: readonly string[]): Program => {
    const program = new Program(join(folder, place), args, env);
    all.push(program);
    return program;
  };
  try {
    for (const place of ['coordinator', 'single', ...Array.from({length: workers}, (_, index) => `worker-${index}`)]) {
      await makePlace(join(folder, place));
    }
    const label = () => begin('coordinator', ['label', 'recipe.ts', '--queue', redis.url]);
    const work = (index: number) => begin(`worker-${index}`, ['worker', redis.url]);
    const begun = performance.now();
    let coordinator = label();
    const running = Array.from({length: workers}, (_, index) => work(index));
    let next = begun + 1000 * every;
    const acts = [
      {at: 0.3, act: async () => killCoordinator()},
      {at: 0.5, act: async () => restart(redis, kills)},
      {at: 0.7, act: async () => killCoordinator()},
    ];
    const killCoordinator = async () => {
      await coordinator.kill();
      kills.coordinators++;
      coordinator = label();
    };
    while (!coordinator.hasEnded) {
      await setTimeout(500);
      const {answered} = await countsOf(service.url);
      if (acts[0] && answered >= acts[0].at * texts) await acts.shift()!.act();
      if (performance.now() < next) continue;
      next += 1000 * every;
      const index = randomInt(workers);
      await running[index]!.kill();
      running[index] = work(index);
      kills.workers++;
      console.error(
        `${Math.round((performance.now() - begun) / 1000)} s: ${answered.toLocaleString('en-GB')} answered`,
      );
    }
    await coordinator.succeeded();
    const seconds = (performance.now() - begun) / 1000;
    const single = new Program(join(folder, 'single'), ['label', 'recipe.ts'], {...env, BENCH_URL: undisturbed.url});
    await single.succeeded();
    const {requests, answered, again} = await countsOf(service.url);
    const named = await namedTexts(folder, workers, texts, env);
    return {
      ...{seconds, kills, answers: answered, requests, paidAgain: again.length, named: named.size},
      unnamed: again.filter(number => !named.has(number)).length,
      peakBytes: Math.max(...all.map(({peakBytes}) => peakBytes)),
      isSame: (await knowledgeDigest(folder, 'coordinator')) === (await knowledgeDigest(folder, 'single')),
    };
  } finally {
    await Promise.all(all.map(program => program.kill()));
    service.close();
    undisturbed.close();
    await redis.stop();
  }
}

/** A folder as a machine has it: the recipe, the package, and a journal of its own. */
async function makePlace(place: string): Promise<void> {
  await mkdir(join(place, 'node_modules'), {recursive: true});
  await copyFile(join(import.meta.dirname, 'recipe.ts'), join(place, 'recipe.ts'));
  await symlink(root, join(place, 'node_modules/limbeck'));
}

async function restart(redis: RedisServer, kills: {redis: number}): Promise<void> {
  await redis.kill();
  await setTimeout(2000);
  await redis.start();
  kills.redis++;
}

async function countsOf(url: string): Promise<Counts> {
  const {body} = await request(`${url}/counts`);
  return (await body.json()) as Counts;
}

async function knowledgeDigest(folder: string, place: string): Promise<string> {
  const knowledge = await readFile(join(folder, place, 'out/scale/knowledge/gray-box.safetensors'));
  return createHash('sha256').update(knowledge).digest('hex');
}

/** The numbers of the texts that workers named in doubt. */
async function namedTexts(
  folder: string,
  workers: number,
  texts: number,
  env: Readonly<Record<string, string>>,
): Promise<ReadonlySet<number>> {
  const keys = new Set<string>();
  for (let index = 0; index < workers; index++) {
    const path = join(folder, `worker-${index}`, '.limbeck/journal/in-doubt.txt');
    if (!existsSync(path)) continue;
    for (const line of readFileSync(path, 'utf8').trim().split('\n')) keys.add(line.split(' ')[1]!);
  }
  Object.assign(process.env, env);
  const {teacher} = (await import(join(folder, 'coordinator/recipe.ts'))) as typeof import('./recipe.ts');
  const named = new Set<number>();
  for (let number = 0; number < texts && named.size < keys.size; number++) {
    const text = `What is this, and what is it for? Number ${number}.`;
    if (keys.has(keyed(teacher, {input: {kind: 'text', text}}).key)) named.add(number);
  }
  return named;
}
