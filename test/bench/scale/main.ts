/** Answers a second of workers on a queue, beside plain workers of BullMQ that only ask: `npm run bench:scale`. See README.md. */
import {type ChildProcess, spawn} from 'node:child_process';
import {randomInt} from 'node:crypto';
import {readFileSync} from 'node:fs';
import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout} from 'node:timers/promises';
import {parseArgs} from 'node:util';
import {Queue} from 'bullmq';
import {Redis} from 'ioredis';
import {QueueRuns} from '../../../src/queue/facts.ts';
import {openQueueServer} from '../../../src/queue/server.ts';
import {checkBuilt, cli} from '../../built.ts';
import {startRedis} from '../../redis.ts';
import {startInstantService} from '../ask/library.ts';
import {reportKills} from './kills-report.ts';
import {writeTexts} from './texts.ts';

const {values} = parseArgs({
  options: {
    json: {type: 'string'},
    inputs: {type: 'string', default: '200000'},
    workers: {type: 'string', default: '4'},
    connections: {type: 'string', default: '16'},
    kills: {type: 'boolean', default: false},
    every: {type: 'string', default: '20'},
    delay: {type: 'string', default: '5'},
    seed: {type: 'string'},
    alone: {type: 'string', default: '3600'},
    heap: {type: 'string', default: '128'},
    'coordinator-heap': {type: 'string', default: '256'},
  },
});
const inputs = Number(values.inputs);
const count = Number(values.workers);
const RANGE = 512;

/** A measured time, in seconds, and what it took of the processor. */
interface Measured {
  readonly seconds: number;
  /** Processor seconds of the workers and of Redis. */
  readonly cpu: {readonly workers: number; readonly redis: number};
}

checkBuilt();
if (values.kills) {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop.abort());
  await reportKills({
    texts: inputs,
    workers: count,
    concurrency: Number(values.connections),
    every: Number(values.every),
    delay: Number(values.delay),
    seed: Number(values.seed ?? randomInt(2 ** 31)),
    heaps: {worker: Number(values.heap), coordinator: Number(values['coordinator-heap'])},
    signal: stop.signal,
    json: values.json,
    alone: Number(values.alone),
  });
  process.exit();
}
const children: ChildProcess[] = [];
process.on('SIGTERM', () => process.exit(1));
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});
const folder = await mkdtemp(join(tmpdir(), 'limbeck-scale-'));
const service = await startInstantService();
const redis = await startRedis('', 'yes');
if (redis === undefined) throw new Error('There is no redis-server here.');
for (let index = 0; index < count; index++) await mkdir(join(folder, String(index)));
await writeTexts(folder, inputs);
const recipe = join(import.meta.dirname, 'recipe.ts');
const env = {
  ...process.env,
  BENCH_URL: service.url,
  BENCH_TEXTS: folder,
  BENCH_INPUTS: values.inputs,
  BENCH_CONCURRENCY: values.connections,
};

const plain = await measurePlain(redis.url);
await redis.command('FLUSHALL');
const own = await measureOwn(redis.url);
service.close();
await redis.stop();
await rm(folder, {recursive: true});

const perSecond = ({seconds}: Measured) => inputs / seconds;
const cpuOfEach = ({cpu}: Measured) => (cpu.workers + cpu.redis) / inputs;
const ratio = perSecond(own) / perSecond(plain);
const results = {inputs, workers: count, plain, own, ratio, cpuRatio: cpuOfEach(plain) / cpuOfEach(own)};
for (const [name, measured] of Object.entries({'Plain workers': plain, 'Workers of limbeck': own})) {
  const {workers, redis: ofRedis} = measured.cpu;
  const microseconds = (seconds: number) => `${((1e6 * seconds) / inputs).toFixed(0)} µs`;
  console.log(
    `${name.padEnd(20)} ${perSecond(measured).toFixed(0)} answers a second; each takes ${microseconds(workers)} of a ` +
      `worker’s processor, and ${microseconds(ofRedis)} of Redis’s`,
  );
}
console.log(`Ratio                ${results.ratio.toFixed(2)}   wanted: 0.7 or more`);
console.log(`By processor time    ${results.cpuRatio.toFixed(2)}   without the service`);
if (values.json) await writeFile(values.json, `${JSON.stringify(results, undefined, 2)}\n`);
process.exit();

async function measurePlain(url: string): Promise<Measured> {
  const connection = new Redis(url, {maxRetriesPerRequest: null});
  const queue = new Queue('plain', {connection});
  const script = join(import.meta.dirname, 'plain-worker.ts');
  const workers = startWorkers(() => [
    '--import',
    import.meta.resolve('tsx'),
    script,
    url,
    service.url,
    values.connections,
  ]);
  await setTimeout(3000);
  const jobs = Array.from({length: Math.ceil(inputs / RANGE)}, (_, index) => {
    const [from, to] = [index * RANGE, Math.min((index + 1) * RANGE, inputs)];
    return {name: `rows ${from}:${to}`, data: {from, to}};
  });
  await queue.addBulk(jobs);
  const measured = await measure(url, workers, async () => {
    const {active = 0, completed = 0} = await queue.getJobCounts('active', 'completed');
    return {hasBegun: active + completed > 0, isDone: completed === jobs.length};
  });
  await endAll(workers);
  await queue.close();
  connection.disconnect();
  return measured;
}

async function measureOwn(url: string): Promise<Measured> {
  const server = await openQueueServer(url, () => {});
  const queue = new QueueRuns(server);
  const workers = startWorkers(() => [cli, 'worker', url, '--recipe', recipe]);
  const label = started([cli, 'label', recipe, '--queue', url, '--range', String(RANGE)], folder);
  const measured = await measure(url, workers, async () => {
    const [run] = await queue.runs(undefined);
    if (run === undefined) return {hasBegun: false, isDone: label.exitCode !== null};
    const {ranges} = await queue.factsOf(run, []);
    return {hasBegun: ranges.held + ranges.answered > 0, isDone: ranges.answered === ranges.total};
  });
  await endAll(workers);
  await endAll([label]);
  server.close();
  return measured;
}

function startWorkers(args: (index: number) => readonly string[]): readonly ChildProcess[] {
  // Workers on other machines have folders, and journals, of their own.
  return Array.from({length: count}, (_, index) => started(args(index), join(folder, String(index))));
}

/** Starts a process that ends with this one. */
function started(args: readonly string[], cwd: string): ChildProcess {
  const child = spawn(process.execPath, args, {cwd, env, stdio: ['ignore', 'ignore', 'inherit']});
  children.push(child);
  return child;
}

interface Seen {
  readonly hasBegun: boolean;
  readonly isDone: boolean;
}

/** From the moment at which the first range is held until all are answered. */
async function measure(url: string, workers: readonly ChildProcess[], look: () => Promise<Seen>): Promise<Measured> {
  while (!(await look()).hasBegun) await setTimeout(10);
  const begun = performance.now();
  const before = await cpuOf(url, workers);
  while (!(await look()).isDone) await setTimeout(50);
  const seconds = (performance.now() - begun) / 1000;
  const after = await cpuOf(url, workers);
  return {seconds, cpu: {workers: after.workers - before.workers, redis: after.redis - before.redis}};
}

async function cpuOf(url: string, workers: readonly ChildProcess[]): Promise<Measured['cpu']> {
  const client = new Redis(url);
  const info = await client.info('cpu');
  client.disconnect();
  const used = ['used_cpu_sys', 'used_cpu_user'].map(name => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)?.[1]));
  return {
    workers: workers.reduce((sum, {pid}) => sum + processorSeconds(pid!), 0),
    redis: used.reduce((sum, seconds) => sum + seconds, 0),
  };
}

/** User and system time, of which Linux counts a hundred ticks a second. */
function processorSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function endAll(some: readonly ChildProcess[]): Promise<void> {
  for (const child of some) {
    if (child.exitCode !== null) continue;
    const ended = new Promise(resolve => child.once('exit', resolve));
    if (child.spawnargs.includes('label')) await ended;
    else {
      child.kill('SIGTERM');
      await ended;
    }
  }
}
