import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {readdirSync, readFileSync} from 'node:fs';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll} from 'vitest';
import {checkBuilt, cli} from '../built.ts';

/** Path of a recipe of the tests. */
export const fixture = (name: string): string => join(import.meta.dirname, '../fixtures/end-to-end', name);

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly pid: number;
  /** What was written so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Reads no more of its output. */
  readonly closeStdout: () => void;
  readonly kill: (signal: NodeJS.Signals) => void;
  /** Sends a signal to the process and all that it started, as a terminal does at Ctrl-C. */
  readonly killGroup: (signal: NodeJS.Signals) => void;
  readonly hasEnded: () => boolean;
  readonly finished: Promise<Finished>;
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Given on stdin. */
  readonly input?: string;
  /** As on a full disk, no file may grow beyond this many blocks, of 512 or 1024 bytes. */
  readonly fileBlocks?: number;
}

/** The built command at work in a folder of its own. */
export interface Workplace {
  /** The folder; there once the tests run. */
  readonly folder: () => string;
  /** Starts a command and leaves it running. */
  readonly start: (args: readonly string[], options?: StartOptions) => Running;
  /** Runs a command to its end. */
  readonly run: (args: readonly string[], options?: StartOptions) => Promise<Finished>;
  /** Runs a command that must succeed with --json, and returns the one document on stdout. */
  readonly json: <T>(args: readonly string[], options?: StartOptions) => Promise<T>;
}

/** Prepares a folder for the tests of a file; afterwards it is gone, and with it whatever still runs. */
export function workplace(): Workplace {
  let folder: string;
  const children: ChildProcess[] = [];
  beforeAll(async () => {
    checkBuilt();
    folder = await mkdtemp(join(tmpdir(), 'limbeck-end-to-end-'));
  });
  afterAll(async () => {
    for (const child of children) if (isRunning(child.pid!)) child.kill('SIGKILL');
    await rm(folder, {recursive: true, force: true});
  });
  const start = (args: readonly string[], {env = {}, input = '', fileBlocks}: StartOptions = {}): Running => {
    const command = [process.execPath, cli, ...args];
    const limited = ['bash', '-c', `ulimit -f ${fileBlocks}; exec "$@"`, 'bash', ...command];
    const [program, ...words] = fileBlocks === undefined ? command : limited;
    const child = spawn(program!, words, {
      cwd: folder,
      // No encoder is there, whatever the machine has.
      env: {...environment(), LIMBECK_ENCODER_DIR: join(folder, 'encoders'), ...env},
      detached: true,
    });
    children.push(child);
    const written = {stdout: '', stderr: ''};
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      written.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      written.stderr += text;
    });
    child.stdin.on('error', () => {}).end(input);
    return {
      pid: child.pid!,
      stdout: () => written.stdout,
      stderr: () => written.stderr,
      closeStdout: () => void child.stdout.destroy(),
      kill: signal => void child.kill(signal),
      killGroup: signal => void process.kill(-child.pid!, signal),
      hasEnded: () => child.exitCode !== null || child.signalCode !== null,
      finished: once(child, 'close').then(([code, signal]) => ({...written, code, signal}) as Finished),
    };
  };
  const run = (args: readonly string[], options?: StartOptions): Promise<Finished> => start(args, options).finished;
  const json = async <T>(args: readonly string[], options?: StartOptions): Promise<T> => {
    const {code, stdout, stderr} = await run([...args, '--json'], options);
    if (code !== 0) throw new Error(`limbeck ${args.join(' ')} ended with ${code}:\n${stderr}`);
    return JSON.parse(stdout) as T;
  };
  return {folder: () => folder, start, run, json};
}

/** The environment of the tests without what would change a command, save the choice of the engine. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => /^LIMBECK_ENGINE(_DIR)?$/.test(name) || !/^(LIMBECK_|FORCE_COLOR|NODE_OPTIONS)/.test(name),
  );
  return Object.fromEntries(kept);
}

/** Whether a process runs; one that has ended and was not fetched by its parent does not. */
export function isRunning(pid: number): boolean {
  const state = stateOf(pid);
  return state !== undefined && state.state !== 'Z';
}

/** The services that a process has started. */
export function servicesOf(parent: number): number[] {
  const all = readdirSync('/proc').filter(name => /^\d+$/.test(name));
  const isService = (pid: number) => commandOf(pid).some(word => word.endsWith('service-process.js'));
  return all.map(Number).filter(pid => stateOf(pid)?.parent === parent && isService(pid));
}

function stateOf(pid: number): {readonly state: string; readonly parent: number} | undefined {
  const stat = readOf(pid, 'stat');
  // The command, in parentheses, may hold spaces and parentheses itself.
  const [state, parent] = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  return state === undefined ? undefined : {state, parent: Number(parent)};
}

function commandOf(pid: number): readonly string[] {
  return (readOf(pid, 'cmdline') ?? '').split('\0');
}

function readOf(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}
