/**
 * A service of the Open Inference Protocol with all the faults of real services. It runs in this process, as a child
 * process, or by hand with `npx tsx test/hostile-service.ts --port 8080`. Its counts are at `/stats`.
 */
import {spawn} from 'node:child_process';
import {createHash} from 'node:crypto';
import {once} from 'node:events';
import {createServer, type IncomingMessage, type Server, type ServerResponse} from 'node:http';
import type {AddressInfo} from 'node:net';
import {createInterface} from 'node:readline';
import {setTimeout} from 'node:timers/promises';
import {parseArgs} from 'node:util';
import {classNames, type InferRequest, namesIn, replyTo} from './hostile/answers.ts';
import {FAULTS, type FaultKind, PASSING_FAULTS, refuse, send, waitHeader} from './hostile/faults.ts';
import {type Limits, RateLimits} from './hostile/limits.ts';
import {type HostileStats, Tallies} from './hostile/tally.ts';

export {inputName} from './hostile/answers.ts';
export type {FaultKind} from './hostile/faults.ts';
export {PASSING_FAULTS} from './hostile/faults.ts';
export {tokensOf} from './hostile/limits.ts';
export type {HostileStats, Tally} from './hostile/tally.ts';

export interface HostileOptions extends Limits {
  /** @default 0, which takes a free port */
  readonly port?: number;
  /**
   * Seed of the faults. The fault of a request depends on it and on the number of earlier requests.
   *
   * @default 1
   */
  readonly seed?: number;
  /**
   * Share of the requests that get a fault, from 0 to 1.
   *
   * @default 0
   */
  readonly rate?: number;
  /** @default PASSING_FAULTS */
  readonly faults?: readonly FaultKind[];
  /**
   * The most faults of one input, so that a client that asks again comes to an end.
   *
   * @default 1
   */
  readonly faultsPerInput?: number;
  /**
   * Seconds that a 429 or 503 tells the client to wait.
   *
   * @default 1
   */
  readonly retryAfter?: number;
  /**
   * Milliseconds that an answer takes.
   *
   * @default 0
   */
  readonly delay?: number;
  /**
   * Number of classes, 64 at most.
   *
   * @default 10
   */
  readonly classes?: number;
  /**
   * The key that clients must send as `Authorization: Bearer`.
   *
   * @default none
   */
  readonly key?: string;
}

export interface HostileService {
  readonly url: string;
  /** The options of its answers. */
  readonly classes: readonly string[];
  stats(): Promise<HostileStats>;
  close(): Promise<void>;
}

/** Serves a model of any name from this process; its outputs are those of `replyTo`. */
export async function startHostileService(options: HostileOptions = {}): Promise<HostileService> {
  const {port = 0, classes = 10} = options;
  const service = new Hostility(options);
  const server = createServer(
    {keepAliveTimeout: 60_000},
    (request, response) => void service.handle(request, response),
  );
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    classes: classNames(classes),
    stats: async () => service.tallies.stats(),
    close: () => end(server),
  };
}

/** Serves from its own process, which ends with this one. */
export async function spawnHostileService(options: HostileOptions = {}): Promise<HostileService> {
  const args = ['--import', 'tsx', import.meta.filename, '--options', JSON.stringify(options)];
  const child = spawn(process.execPath, args, {stdio: ['pipe', 'pipe', 'inherit']});
  const [url] = (await once(createInterface(child.stdout), 'line')) as [string];
  return {
    url,
    classes: classNames(options.classes ?? 10),
    stats: async () => (await fetch(`${url}/stats`)).json() as Promise<HostileStats>,
    async close() {
      child.stdin.end();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

async function end(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}

class Hostility {
  readonly tallies = new Tallies();
  readonly #options: Required<Omit<HostileOptions, 'port' | 'key' | keyof Limits>> & Pick<HostileOptions, 'key'>;
  readonly #limits: RateLimits;
  #underWay = 0;
  #answered = 0;

  constructor(options: HostileOptions) {
    const {seed = 1, rate = 0, faults = PASSING_FAULTS, faultsPerInput = 1} = options;
    const {retryAfter = 1, delay = 0, classes = 10, key} = options;
    this.#options = {seed, rate, faults, faultsPerInput, retryAfter, delay, classes, ...(key && {key})};
    this.#limits = new RateLimits(options);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const {counts} = this.tallies;
    if (request.url === '/stats') send(response, JSON.stringify(this.tallies.stats()));
    else if (request.url === '/v2') send(response, JSON.stringify({name: 'hostile', extensions: []}));
    else if (/^\/v2\/models\/[^/]+(\/versions\/[^/]+)?\/infer$/.test(request.url ?? '')) {
      this.#underWay++;
      counts.mostAtOnce = Math.max(counts.mostAtOnce, this.#underWay);
      response.once('close', () => this.#underWay--);
      await this.#infer(request, response);
    } else {
      counts.strays++;
      refuse({response, headers: {}}, 404);
    }
  }

  async #infer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const {key, delay, retryAfter, classes} = this.#options;
    const {counts} = this.tallies;
    const body = await read(request);
    if (body === undefined) return;
    counts.requests++;
    if (key !== undefined && request.headers.authorization !== `Bearer ${key}`) {
      counts.unauthorized++;
      return refuse({response, headers: {}}, 401);
    }
    const asked = JSON.parse(body) as InferRequest;
    const names = namesIn(asked);
    this.tallies.add(names, 'asked');
    const wait = this.#limits.take(names);
    const headers = this.#limits.headers();
    if (wait > 0) {
      counts.limited++;
      return refuse({response, headers}, 429, waitHeader(Math.ceil(wait / 1000)));
    }
    if (delay > 0) await setTimeout(delay);
    // The client went away before the answer.
    if (response.destroyed) return this.tallies.add(names, 'doubtful');
    const reply = replyTo(names, asked, classes);
    const {fault, row} = this.#draw(names);
    if (fault === undefined) this.tallies.add(names, 'paid');
    else this.tallies.addFault(fault, names, row);
    if (fault === undefined || FAULTS[fault].spoils !== 'all') this.#watch(response, names);
    if (fault === undefined) send(response, JSON.stringify(reply), headers);
    else await FAULTS[fault].play({response, reply, row, retryAfter, headers});
  }

  /** Counts an answer that the client didn't wait for. */
  #watch(response: ServerResponse, names: readonly string[]): void {
    response.once('close', () => {
      if (response.writableFinished) return;
      this.tallies.add(names, 'doubtful');
      if (response.statusCode === 200) this.tallies.add(names, 'spoilt');
    });
  }

  #draw(names: readonly string[]): {readonly fault?: FaultKind; readonly row: number} {
    const {seed, rate, faults, faultsPerInput} = this.#options;
    const digest = createHash('sha256')
      .update(`${seed} ${this.#answered++}`)
      .digest();
    const [chance, kind, index] = [0, 4, 8].map(offset => digest.readUInt32LE(offset) / 2 ** 32) as [
      number,
      number,
      number,
    ];
    const row = Math.floor(index * names.length);
    const fault = faults[Math.floor(kind * faults.length)];
    const hadEnough = names.some(name => this.tallies.of(name).faults >= faultsPerInput);
    return chance < rate && fault !== undefined && !hadEnough ? {fault, row} : {row};
  }
}

/** The body, or undefined if the client went away. */
async function read(request: IncomingMessage): Promise<string | undefined> {
  try {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    return text;
  } catch {
    return undefined;
  }
}

/** Options as flags; `--options` takes them all as JSON. */
function optionsFrom(args: readonly string[]): HostileOptions {
  const text = {type: 'string'} as const;
  const {values} = parseArgs({
    args: [...args],
    options: {port: text, seed: text, rate: text, faults: text, rpm: text, tpm: text, key: text, options: text},
  });
  return {
    ...(values.options && (JSON.parse(values.options) as HostileOptions)),
    ...(values.port && {port: Number(values.port)}),
    ...(values.seed && {seed: Number(values.seed)}),
    ...(values.rate && {rate: Number(values.rate)}),
    ...(values.faults && {faults: values.faults.split(',') as FaultKind[]}),
    ...(values.rpm && {requestsPerMinute: Number(values.rpm)}),
    ...(values.tpm && {tokensPerMinute: Number(values.tpm)}),
    ...(values.key && {key: values.key}),
  };
}

if (process.argv[1] === import.meta.filename) {
  const {url, close} = await startHostileService(optionsFrom(process.argv.slice(2)));
  console.log(url);
  process.stdin.resume().once('end', () => void close());
}
