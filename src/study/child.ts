import {type ChildProcess, type ForkOptions, fork} from 'node:child_process';

/** A process that a study started, and the end of what it said on stderr, for when it ends too soon. */
export interface Child {
  readonly process: ChildProcess;
  readonly stderrTail: () => string;
}

/** Starts a module as a process with a channel to this one: however this one ends, the child sees the channel close. */
export function startChild(module: string, args: readonly string[], options: ForkOptions): Child {
  const child = fork(module, [...args], {...options, stdio: ['ignore', 'ignore', 'pipe', 'ipc']});
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2000);
  });
  return {process: child, stderrTail: () => said.trim()};
}

export function hasEnded({exitCode, signalCode}: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
