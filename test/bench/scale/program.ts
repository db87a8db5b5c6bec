import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {readFileSync} from 'node:fs';
import {cli} from '../../built.ts';

/** The command as it is shipped, in a process of its own. */
export class Program {
  /** The most bytes that it had in memory, as far as was seen. */
  peakBytes = 0;
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #watch: NodeJS.Timeout;
  #said = '';

  constructor(folder: string, args: readonly string[], env: Readonly<Record<string, string>>) {
    this.#name = `limbeck ${args.join(' ')} in ${folder}`;
    this.#child = spawn(process.execPath, [cli, ...args], {
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

  /** As `kill -9`. */
  async kill(): Promise<void> {
    if (this.hasEnded) return;
    this.#look();
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  /** Asks it to end, and waits for that. */
  async stop(): Promise<void> {
    if (this.hasEnded) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
  }

  /** @throws Error with the end of what it said if it failed */
  async succeeded(): Promise<void> {
    if (!this.hasEnded) await once(this.#child, 'exit');
    if (this.#child.exitCode === 0) return;
    throw new Error(`${this.#name} ended with ${this.#child.exitCode ?? this.#child.signalCode}:\n${this.#said}`);
  }

  #look(): void {
    try {
      const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
      this.peakBytes = Math.max(this.peakBytes, 1024 * Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
    } catch {
      // It has ended.
    }
  }
}
