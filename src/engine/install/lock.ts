import {mkdir, rm, rmdir, stat, utimes} from 'node:fs/promises';
import {setTimeout} from 'node:timers/promises';

export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called once where another holds the lock. */
  readonly onWait?: () => void;
  /**
   * Milliseconds without a sign of life after which a holder is taken for dead.
   *
   * @default 10_000
   */
  readonly stale?: number;
}

/**
 * Does work while no other process, on this machine or another that shares the disk, does work under the same lock.
 *
 * @param lock - a folder that exists while the lock is held
 * @param work - is told whether it had to wait
 */
export async function withLock<T>(
  lock: string,
  work: (waited: boolean) => Promise<T>,
  {signal, onWait, stale = 10_000}: LockOptions = {},
): Promise<T> {
  let waited = false;
  while (!(await acquire(lock, stale))) {
    if (!waited) onWait?.();
    waited = true;
    await setTimeout(stale / 40, undefined, {signal});
  }
  const signOfLife = setInterval(() => void utimes(lock, new Date(), new Date()).catch(() => {}), stale / 5);
  try {
    return await work(waited);
  } finally {
    clearInterval(signOfLife);
    await rm(lock, {recursive: true, force: true});
  }
}

async function acquire(lock: string, stale: number): Promise<boolean> {
  try {
    await mkdir(lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const held = await stat(lock).catch(() => undefined);
  if (held !== undefined && Date.now() - held.mtimeMs > stale) await rmdir(lock).catch(() => {});
  return false;
}
