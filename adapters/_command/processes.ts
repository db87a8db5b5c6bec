import {type ChildProcessWithoutNullStreams, spawn} from 'node:child_process';
import {createHash} from 'node:crypto';
import {closeSync, openSync, readSync, statSync} from 'node:fs';
import {basename, isAbsolute, resolve} from 'node:path';
import {keepSecret} from '../../src/secrets.ts';

/** A word of a command line in an identity. A file is held by its content, because its path can change. */
type IdentityWord = string | {readonly file: string; readonly sha256: string};

interface CommandLine {
  /** The program and its arguments. */
  readonly words: readonly string[];
  readonly cwd: string;
}

/**
 * Returns the parts of a command line that can change an answer. A program that is given by its bare name or by an
 * absolute path is taken for an installed one. It is identified by its name, because its path differs between machines.
 */
export function identityWords({words, cwd}: CommandLine): readonly IdentityWord[] {
  return words.map((word, index) => {
    if (isInstalled(word, index)) return basename(word);
    const path = resolve(cwd, word);
    return isFile(path) ? {file: basename(word), sha256: digestOf(path)} : word;
  });
}

/** Returns the command for messages: the program and the files, without the other arguments. */
export function shownCommand({words, cwd}: CommandLine): string {
  const shown = words.filter((word, index) => index === 0 || isFile(resolve(cwd, word)));
  return shown.map(word => basename(word)).join(' ');
}

function isInstalled(word: string, index: number): boolean {
  return index === 0 && (isAbsolute(word) || !/[\\/]/.test(word));
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    // A word that is no possible path, such as a long text, is no file either.
    return false;
  }
}

/** Reads in chunks, because a model can be longer than a buffer. */
function digestOf(path: string): string {
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(2 ** 20);
  const file = openSync(path, 'r');
  try {
    for (let read = readSync(file, piece); read > 0; read = readSync(file, piece)) hash.update(piece.subarray(0, read));
  } finally {
    closeSync(file);
  }
  return hash.digest('hex');
}

/** How a child process is started. */
export interface Start extends CommandLine {
  /** Added to this process's environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** Milliseconds that a child gets to end by itself before the next, stronger signal. */
const GRACE = 1000;

/** False on Windows, where a process group would open a window. */
const HAS_GROUPS = process.platform !== 'win32';

/** All running children. */
const children = new Set<Child>();

/**
 * A child process that never keeps this process alive and does not outlive it. If this process ends because it has
 * nothing more to do, it closes the child's input and waits for it. If this process is killed, the child is killed too.
 *
 * The child has its own process group, so that a Ctrl-C reaches this process alone and answers under way can be waited
 * for.
 */
export class Child {
  readonly process: ChildProcessWithoutNullStreams;
  /** Resolves when the child has ended, or failed to start. */
  readonly ended: Promise<void>;

  constructor({words, cwd, env}: Start) {
    const [program, ...rest] = words;
    this.process = spawn(program!, rest, {
      cwd,
      env: {...process.env, ...env},
      detached: HAS_GROUPS,
      windowsHide: true,
    });
    const {stdin, stdout, stderr} = this.process;
    this.process.unref();
    for (const pipe of [stdin, stdout, stderr]) unref(pipe);
    listenToEnd();
    children.add(this);
    this.ended = new Promise(resolve => {
      const end = () => {
        children.delete(this);
        resolve();
      };
      this.process.once('exit', end).on('error', () => this.process.pid ?? end());
    });
  }

  /** Closes the child's input. If the child does not end in time, kills it. */
  async finish(): Promise<void> {
    this.process.stdin.end();
    if (!(await this.#endsInTime())) await this.stop();
  }

  /** Ends the child: SIGTERM first, then SIGKILL. */
  async stop(): Promise<void> {
    this.#signal('SIGTERM');
    if (!(await this.#endsInTime())) this.kill();
    await this.ended;
  }

  kill(): void {
    this.#signal('SIGKILL');
  }

  async #endsInTime(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    // The timer keeps this process alive meanwhile.
    const late = new Promise<boolean>(resolve => {
      timer = setTimeout(resolve, GRACE, false);
    });
    const inTime = await Promise.race([this.ended.then(() => true), late]);
    clearTimeout(timer);
    return inTime;
  }

  /** Signals the whole group, because the child can be a shell or a launcher of the real program. */
  #signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    const {pid} = this.process;
    if (pid === undefined || !children.has(this)) return;
    try {
      process.kill(HAS_GROUPS ? -pid : pid, signal);
    } catch {
      // The child has just ended.
    }
  }
}

/** Unrefs a child's pipe. Pipes are sockets, but their types don't say so. */
function unref(pipe: object): void {
  (pipe as {unref?(): void}).unref?.();
}

let listens = false;

function listenToEnd(): void {
  if (listens) return;
  listens = true;
  process.on('beforeExit', () => {
    for (const child of children) void child.finish();
  });
  process.on('exit', () => {
    for (const child of children) child.kill();
  });
}

/** Splits text that arrives in chunks into lines, which end in `\n` or `\r\n`. */
export class LineSplitter {
  readonly #longest: number;
  #rest = '';

  /** @param longest - the most UTF-16 code units of a line */
  constructor(longest: number) {
    this.#longest = longest;
  }

  /** Returns the lines that this chunk completes, without line ends; undefined if a line has become too long. */
  push(piece: string): readonly string[] | undefined {
    // A long line is searched once when it is complete, not with every chunk.
    this.#rest += piece;
    if (!piece.includes('\n')) return this.#rest.length > this.#longest ? undefined : [];
    const lines = this.#rest.split('\n');
    this.#rest = lines.pop()!;
    if (lines.some(line => line.length > this.#longest) || this.#rest.length > this.#longest) return undefined;
    return lines.map(line => (line.endsWith('\r') ? line.slice(0, -1) : line));
  }
}

/**
 * Returns a line of JSON. It escapes characters at which some languages end lines (Node's readline, Python's
 * `splitlines`).
 */
export function lineOf(value: object): string {
  const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return `${JSON.stringify(value).replace(/[\u0085\u2028\u2029]/g, escaped)}\n`;
}

/** Keeps the end of a program's output, for messages. */
export class Tail {
  readonly #secrets: readonly string[];
  #text = '';

  /** @param env - the program's environment beyond this process's; its values are not shown */
  constructor(env: Readonly<Record<string, string>>) {
    this.#secrets = secretsIn(env);
  }

  push(piece: string): void {
    this.#text = (this.#text + piece).slice(-4000);
  }

  /** Returns the last lines with text, without terminal control codes; empty if there are none. */
  toString(): string {
    const lines = this.#secrets
      .reduce((text, secret) => text.replaceAll(secret, '***'), this.#text)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: terminals use such characters for colours
      .replace(/\u001b\[[\d;]*[A-Za-z]|[\u0000-\u0008\u000b-\u001f\u007f]/g, '')
      .split('\n')
      .filter(line => line.trim() !== '');
    return lines.slice(-8).join('\n').slice(-1000);
  }
}

/** Names of variables whose values must never be written down. */
const SECRET = /(?:^|_)(?:api_?key|key|token|secret|passw(?:or)?d|credentials?)(?:_|$)/i;

/** Returns values that the program knows and nobody must read. Shorter ones would match parts of ordinary words. */
function secretsIn(env: Readonly<Record<string, string>>): readonly string[] {
  const named = Object.entries({...process.env, ...env}).filter(([name]) => SECRET.test(name));
  for (const [, value] of named) keepSecret(value);
  const inherited = Object.entries(process.env).filter(([name]) => /key|token|secret|passw/i.test(name));
  return [...Object.values(env), ...inherited.map(([, value]) => value ?? '')].filter(value => value.length >= 6);
}
