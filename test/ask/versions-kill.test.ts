import {execFile} from 'node:child_process';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {describe, expect, it} from 'vitest';

interface Collected {
  readonly bought: number;
  readonly cached: number;
  readonly told: readonly number[];
  readonly meant: readonly number[];
}

function start(folder: string, most: number): Promise<{readonly stdout: string}> {
  const child = join(import.meta.dirname, 'versions-child.ts');
  return promisify(execFile)(process.execPath, ['--import', 'tsx', child, folder, String(most)]);
}

describe('asking about views whose process is killed', () => {
  it('goes on from what was kept, every answer beside the pixels that it is about', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'limbeck-versions-'));
    try {
      for (const most of [4, 5]) await expect(start(folder, most)).rejects.toMatchObject({signal: 'SIGKILL'});
      const {bought, cached, told, meant} = JSON.parse((await start(folder, 100)).stdout) as Collected;
      expect(told).toEqual(meant);
      expect(told).toHaveLength(120);
      expect(bought + cached).toBe(120);
      // Of 4 and 5 calls with 8 each most are, before each process ends.
      expect(cached).toBeGreaterThanOrEqual(24);
      expect(bought).toBeGreaterThan(0);
      const again = JSON.parse((await start(folder, 100)).stdout) as Collected;
      expect(again).toEqual({bought: 0, cached: 120, told, meant});
    } finally {
      await rm(folder, {recursive: true});
    }
  }, 60_000);
});
