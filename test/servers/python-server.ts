import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {existsSync} from 'node:fs';
import {join} from 'node:path';
import {env} from 'node:process';
import {hasEnded, untilUsable} from '../server-process.ts';

/** Why tests with these servers are skipped. */
export const NO_SERVERS = 'the test servers are not installed: run test/servers/install.sh';

/** A folder of programs that `install.sh` makes. */
export type Environment = 'servers' | 'frameworks' | 'triton';

/** A server of this machine. */
export interface PythonServer {
  /** Its address, without a slash at its end. */
  readonly url: string;
  /** Ends it. */
  stop(): Promise<void>;
}

export interface Launch {
  readonly environment: Environment;
  /** The name of a program of the environment, and its arguments. */
  readonly command: readonly [program: string, ...args: string[]];
  /** @default the folder of the tests */
  readonly folder?: string;
  /** Variables that it gets beside those of this process. */
  readonly variables?: Readonly<Record<string, string>>;
  readonly port: number;
  /** A path that it answers with a status below 400 once it can be used. */
  readonly readyAt: string;
}

/**
 * Where an environment's programs are; undefined where it is not installed.
 *
 * @throws Error where it is not and `CI` is set: there a silent skip would pass for a test
 */
export function programsOf(environment: Environment): string | undefined {
  const root = env['LIMBECK_TEST_SERVERS'] ?? join(import.meta.dirname, '.python');
  const programs = join(root, environment, 'bin');
  if (existsSync(join(programs, 'python'))) return programs;
  if (env['CI'] === undefined) return undefined;
  throw new Error(`Tests with real servers must run where CI is set, but ${NO_SERVERS}.`);
}

/**
 * Starts a server and waits until it can be used; the caller stops it.
 *
 * @throws Error with the end of its log where it does not start
 */
export async function startPythonServer(launch: Launch): Promise<PythonServer | undefined> {
  const {environment, command, folder = import.meta.dirname, variables, port, readyAt} = launch;
  const programs = programsOf(environment);
  if (programs === undefined) return undefined;
  const [program, ...args] = command;
  const child = spawn(join(programs, program), args, {
    cwd: folder,
    env: {...env, ...variables},
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, because some servers leave processes of theirs behind.
    detached: true,
  });
  const stop = stopperOf(child);
  const url = `http://127.0.0.1:${port}`;
  try {
    await untilUsable(program, child, () => answers(`${url}${readyAt}`), 180);
  } catch (error) {
    await stop();
    throw error;
  }
  return {url, stop};
}

function stopperOf(child: ChildProcess): () => Promise<void> {
  const kill = () => signalGroup(child, 'SIGKILL');
  // Tests may end without a word to the server.
  process.once('exit', kill);
  return async () => {
    process.off('exit', kill);
    if (!hasEnded(child)) {
      const ended = once(child, 'exit');
      signalGroup(child, 'SIGTERM');
      const late = setTimeout(kill, 5000);
      await ended;
      clearTimeout(late);
    }
    kill();
  };
}

/** Signals a server and all processes that it started. */
function signalGroup({pid}: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // All have ended.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, {signal: AbortSignal.timeout(2000)})).status < 400;
  } catch {
    return false;
  }
}
