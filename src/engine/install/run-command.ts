import {spawn} from 'node:child_process';

/** How a program ended. */
export interface Outcome {
  /** Exit code, or the signal that ended it. */
  readonly end: number | NodeJS.Signals;
  readonly stdout: string;
  /** The last lines of what it printed to stderr and stdout, without passwords, to show to people. */
  readonly lastLines: string;
}

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs a program to its end. On an abort, ends it and all its children first.
 *
 * @throws AbortError, or an error if the program doesn't exist
 */
export function runCommand(
  command: string,
  args: readonly string[],
  {cwd, env, signal}: CommandOptions = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    // Its own process group, so that its children can be ended with it.
    const child = spawn(command, args, {cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe']});
    const abort = () => endGroup(child.pid);
    signal?.addEventListener('abort', abort, {once: true});
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', reject);
    child.once('close', (code, endedBy) => {
      signal?.removeEventListener('abort', abort);
      if (signal?.aborted) reject(signal.reason);
      else resolve({end: code ?? endedBy!, stdout, lastLines: lastLines(`${stdout}\n${stderr}`)});
    });
  });
}

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGTERM');
  } catch {
    // It has ended by itself.
  }
}

const SHOWN = 6;

function lastLines(output: string): string {
  const lines = output.split('\n').filter(line => line.trim() !== '');
  return withoutPasswords(lines.slice(-SHOWN).join('\n'));
}

/** Removes the user and password of every URL in a text. */
export function withoutPasswords(text: string): string {
  return text.replace(/\/\/[^\s/]+@/g, '//');
}
