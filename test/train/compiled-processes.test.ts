import {execFile} from 'node:child_process';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {expect, it} from 'vitest';
import {needsNativeEngine} from '../engine/native-only.ts';

needsNativeEngine();

const run = promisify(execFile);

async function weightsHashOf(name: string): Promise<string> {
  const script = join(import.meta.dirname, 'compiled-child.ts');
  return (await run(process.execPath, ['--import', 'tsx', script, name])).stdout;
}

it.each(['resnet-20, shortcut A', 'adamw'])(
  'two compiled runs of one seed in processes of their own end with the same bits: %s',
  async name => {
    const [first, second] = await Promise.all([weightsHashOf(name), weightsHashOf(name)]);
    expect(first).toMatch(/^[\w:]{16,}$/);
    expect(second).toBe(first);
  },
);
