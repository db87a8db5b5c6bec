import {existsSync} from 'node:fs';
import {mkdir, utimes} from 'node:fs/promises';
import {join} from 'node:path';
import {setTimeout} from 'node:timers/promises';
import {describe, expect, it} from 'vitest';
import {withLock} from '../../../src/engine/install/install.ts';
import {temporaryFolder} from './loopback.ts';

const freshLock = async () => join(await temporaryFolder(), 'lock');

describe('withLock', () => {
  it('lets one work at a time and tells the others that they waited', async () => {
    const lock = await freshLock();
    const events: string[] = [];
    const work = (name: string) => async (waited: boolean) => {
      events.push(`${name} begins`);
      await setTimeout(100);
      events.push(`${name} ends`);
      return waited;
    };
    let waits = 0;
    const options = {stale: 1000, onWait: () => waits++};
    const first = withLock(lock, work('first'), options);
    await setTimeout(20);
    expect(await Promise.all([first, withLock(lock, work('second'), options)])).toEqual([false, true]);
    expect(events).toEqual(['first begins', 'first ends', 'second begins', 'second ends']);
    expect(waits).toBe(1);
    expect(existsSync(lock)).toBe(false);
  });

  it('is free again after a failure', async () => {
    const lock = await freshLock();
    await expect(withLock(lock, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await withLock(lock, async waited => waited)).toBe(false);
  });

  it('is taken from a holder that gives no sign of life', async () => {
    const lock = await freshLock();
    await mkdir(lock);
    await utimes(lock, new Date(), new Date(Date.now() - 11_000));
    expect(await withLock(lock, async () => 'mine')).toBe('mine');
  });

  it('is left to a holder that works for longer than that', async () => {
    const lock = await freshLock();
    const events: string[] = [];
    const long = withLock(lock, () => setTimeout(900).then(() => events.push('long')), {stale: 300});
    await setTimeout(20);
    await withLock(lock, async () => events.push('next'), {stale: 300});
    await long;
    expect(events).toEqual(['long', 'next']);
  });

  it('is not waited for after an abort', async () => {
    const lock = await freshLock();
    await mkdir(lock);
    const waiting = withLock(lock, async () => 'mine', {signal: AbortSignal.timeout(50)});
    await expect(waiting).rejects.toThrow(/abort/i);
    expect(existsSync(lock)).toBe(true);
  });
});
