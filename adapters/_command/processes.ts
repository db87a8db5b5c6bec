import {type ChildProcessWithoutNullStreams, spawn} from 'node:child_process';

/** How a child process is started. */
export interface Start {
  readonly words: readonly string[];
  readonly cwd: string;
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
