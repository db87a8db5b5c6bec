import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {readFileSync} from 'node:fs';
import {cli} from '../../built.ts';

export interface ProgramOptions {
  readonly env: Readonly<Record<string, string>>;
  /** The most MiB of its heap, whose end is that of the process. @default that of Node */
  readonly heap?: number | undefined;
}

export interface Peak {
  /** With the pages of files that it maps, which the system takes back if it needs them (`VmHWM`). */
  all: number;
  /** Without them, by looks twice a second (`RssAnon`). */
  own: number;
}

/** The command as it is shipped, in a process of its own. */
export class Program {
  /** The most bytes that it had in memory, up to the last look before its end. */
  readonly peak: Peak = {all: 0, own: 0};
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #watch: NodeJS.Timeout;
  #said = '';

  constructor(folder: string, args: readonly string[], {env, heap}: ProgramOptions) {
    this.#name = `limbeck ${args.join(' ')} in ${folder}`;
    const flags = heap === undefined ? [] : [`--max-old-space-size=${heap}`];
    this.#child = spawn(process.execPath, [...flags, cli, ...args], {
      cwd: folder,
      env: {...process.env, ...env},
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(-4000);
    });
    this.#watch = setInterval(() => this.#look(), 500);
    this.#child.once('exit', () => clearInterval(this.#watch));
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** @throws Error with the end of what it said if it ended by itself */
  checkRunning(): void {
    if (this.hasEnded) throw this.#failure();
  }

  /** As `kill -9`. */
  async kill(): Promise<void> {
    if (this.hasEnded) return;
    this.#look();
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  /** @throws Error with the end of what it said if it failed */
  async succeeded(): Promise<void> {
    if (!this.hasEnded) await once(this.#child, 'exit');
    if (this.#child.exitCode !== 0) throw this.#failure();
  }

  #failure(): Error {
    return new Error(`${this.#name} ended with ${this.#child.exitCode ?? this.#child.signalCode}:\n${this.#said}`);
  }

  #look(): void {
    try {
      const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
      const bytesOf = (name: string) => 1024 * Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0);
      this.peak.all = Math.max(this.peak.all, bytesOf('VmHWM'));
      this.peak.own = Math.max(this.peak.own, bytesOf('RssAnon'));
    } catch {
      // It has ended.
    }
  }
}
