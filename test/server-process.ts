import type {ChildProcess} from 'node:child_process';
import {until} from './built.ts';

/**
 * Waits until a server can be used.
 *
 * @param child - its process, whose output comes in pipes
 * @throws Error with the end of its log if it ends by itself, or can't be used after `seconds`
 */
export async function untilUsable(
  name: string,
  child: ChildProcess,
  isUsable: () => Promise<boolean>,
  seconds = 120,
): Promise<void> {
  const log = logOf(child);
  try {
    await until(`${name} answers`, () => hasEnded(child) || isUsable(), seconds);
    if (hasEnded(child)) throw new Error(`${name} ended by itself.`);
  } catch (cause) {
    throw new Error(`${(cause as Error).message} Its log ends with:\n${log()}`, {cause});
  }
}

export function hasEnded({pid, exitCode, signalCode}: ChildProcess): boolean {
  return pid === undefined || exitCode !== null || signalCode !== null;
}

/** What it wrote last. */
function logOf(child: ChildProcess): () => string {
  let text = '';
  const onData = (chunk: Buffer) => {
    text = `${text}${chunk}`.slice(-4000);
  };
  child.stdout?.on('data', onData);
  child.stderr?.on('data', onData);
  child.once('error', error => onData(Buffer.from(String(error))));
  return () => text;
}
