import {type ChildProcess, spawn, spawnSync} from 'node:child_process';
import {once} from 'node:events';
import {mkdtemp, rm} from 'node:fs/promises';
import {connect} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {env} from 'node:process';
import {freePort} from './free-port.ts';
import {hasEnded, untilUsable} from './server-process.ts';

/** The reason why a test with Redis is skipped. */
export const NO_REDIS = 'no redis-server here: install it (Debian: apt-get install redis-server)';

/** A Redis server for one test. */
export interface RedisServer {
  readonly url: string;
  /** Its process, if it runs. */
  readonly pid: number | undefined;
  /** Ends it like a crash. Its data is lost, unless it keeps them. */
  kill(): Promise<void>;
  /** Starts it again at the same port. */
  start(): Promise<void>;
  /** Accepts connections but answers nothing until `resume`. */
  pause(): void;
  resume(): void;
  /** Runs a command, and returns the reply as it came. */
  command(...words: readonly string[]): Promise<string>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

/**
 * Starts a server at a free port; the caller stops it. Undefined if none is installed.
 *
 * @param password - required from clients
 * @param appendonly - whether it keeps its data in an append-only file
 * @throws Error if none is installed and `CI` is set, because a silent skip would look like a passed test
 */
export async function startRedis(password = '', appendonly: 'yes' | 'no' = 'no'): Promise<RedisServer | undefined> {
  if (spawnSync('redis-server', ['--version']).error) {
    if (env['CI'] === undefined) return undefined;
    throw new Error(`Tests with Redis must run if CI is set, but there is ${NO_REDIS}.`);
  }
  const folder = await mkdtemp(join(tmpdir(), 'limbeck-redis-'));
  const port = await freePort();
  let server: ChildProcess | undefined;
  const kill = async () => {
    if (server === undefined || hasEnded(server)) return;
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
  };
  const start = async () => {
    const settings = {port, bind: '127.0.0.1', save: '', appendonly, dir: folder, requirepass: password};
    const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
    server = spawn('redis-server', flags, {stdio: ['ignore', 'pipe', 'pipe']});
    // A refusal for lack of a password is also an answer.
    await untilUsable('Redis', server, async () => /^(\+PONG|-NOAUTH)/.test(await answer(port, 'PING')));
  };
  await start();
  return {
    url: `redis://127.0.0.1:${port}/0`,
    get pid() {
      return server?.pid;
    },
    kill,
    start,
    pause: () => void server?.kill('SIGSTOP'),
    resume: () => void server?.kill('SIGCONT'),
    command: (...words) => answer(port, words.join(' ')),
    async stop() {
      await kill();
      await rm(folder, {recursive: true});
    },
  };
}

/** The reply of a server to a command; empty if there is no server. */
async function answer(port: number, command: string): Promise<string> {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  try {
    socket.write(`${command}\r\n`);
    const [data] = (await once(socket, 'data')) as [Buffer];
    return data.toString();
  } catch {
    return '';
  } finally {
    socket.destroy();
  }
}
