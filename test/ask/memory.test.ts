import {execFile} from 'node:child_process';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import {describe, expect, it} from 'vitest';

/** The most memory that a process holds while it asks about so many inputs, in bytes. */
async function peakOf(count: number): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'limbeck-memory-'));
  const script = fileURLToPath(new URL('memory-asker.ts', import.meta.url));
  const args = ['--import', import.meta.resolve('tsx'), script, folder, String(count)];
  const {stdout} = await promisify(execFile)(process.execPath, args);
  await rm(folder, {recursive: true});
  return Number(stdout);
}

describe.skipIf(process.platform !== 'linux')('asking about many inputs (Linux alone tells its memory)', () => {
  // `npm run bench:ask` measures 100,000 and 1,000,000, which takes too long here. Fewer than 60,000 tell nothing: until
  // then the heap grows to the size that it stays at. It takes ten seconds on an idle machine.
  it('takes no more memory for more of them', {timeout: 180_000}, async () => {
    const few = await peakOf(60_000);
    const many = await peakOf(240_000);
    expect(few).toBeGreaterThan(2 ** 25);
    expect(many / few).toBeLessThan(1.3);
  });
});
