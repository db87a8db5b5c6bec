import {type ChildProcessWithoutNullStreams, spawn} from 'node:child_process';

/** How a child process is started. */
export interface Start {
  readonly words: readonly string[];
  readonly cwd: string;
  /** Beside what this process has in its environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** Milliseconds that a child has to end by itself before the next, stronger word. */
const GRACE = 1000;

/** On Windows a process group would open a window. */
const HAS_GROUPS = process.platform !== 'win32';

/** All that run. */
const children = new Set<Child>();

/**
 * A child process that never keeps this process alive, and does not outlive it: where this one ends because it has
 * nothing more to do, the child's input is closed and it is waited for; where this one is ended, the child is killed.
 *
 * It is of a process group of its own, so that a Ctrl-C is this process's alone to hear, and the answers that are under
 * way can be waited for.
 */
export class Child {
  readonly process: ChildProcessWithoutNullStreams;
  /** Resolves when it has ended, or did not start. */
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

  /** Closes its input, and where that does not end it in time, ends it. */
  async finish(): Promise<void> {
    this.process.stdin.end();
    if (!(await this.#endsInTime())) await this.stop();
  }

  /** Ends it, politely first. */
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

  /** To its whole group, as it may be a shell or a launcher of what really runs. */
  #signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    const {pid} = this.process;
    if (pid === undefined || !children.has(this)) return;
    try {
      process.kill(HAS_GROUPS ? -pid : pid, signal);
    } catch {
      // It has just ended.
    }
  }
}

/** The pipes of a child are sockets, which the types don't say. */
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
