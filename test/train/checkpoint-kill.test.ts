import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {existsSync, readdirSync} from 'node:fs';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {createInterface} from 'node:readline';
import {setTimeout} from 'node:timers/promises';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {readCheckpoint} from '../../src/train/checkpoint-file.ts';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-kill-'));
  path = join(folder, 'run.checkpoint');
});
afterEach(() => rm(folder, {recursive: true}));

function start(script: string, ...values: readonly string[]): ChildProcess {
  const file = join(import.meta.dirname, script);
  return spawn(process.execPath, ['--import', 'tsx', file, ...values], {stdio: ['ignore', 'pipe', 'inherit']});
}

/** Trains in a process of its own and returns the lines that it printed; kills it a moment after one of its steps. */
async function trainAndKill(name: string, file: string, after = Number.POSITIVE_INFINITY): Promise<string[]> {
  const child = start('resume-child.ts', name, file);
  const closed = once(child, 'close');
  const lines: string[] = [];
  for await (const line of createInterface({input: child.stdout!})) {
    lines.push(line);
    if (lines.length !== after) continue;
    await setTimeout(Math.random() * 8);
    child.kill('SIGKILL');
  }
  const [code, signal] = (await closed) as [number | null, string | null];
  if (signal !== 'SIGKILL' && code !== 0) throw new Error(`The child ended with ${code ?? signal}.`);
  return lines;
}

const lastOf = (word: string, lines: readonly string[]): string | undefined =>
  lines.findLast(line => line.startsWith(`${word} `));

describe('a run whose process is killed at random moments', () => {
  it.each(['early stopping', 'a live teacher and views'])(
    'comes to the weights of an undisturbed one, to the bit: %s',
    async name => {
      const whole = await trainAndKill(name, join(folder, 'whole.checkpoint'));
      let lines: string[] = [];
      let kills = -1;
      for (; lastOf('weights', lines) === undefined; kills++) {
        lines = await trainAndKill(name, path, kills < 2 ? Math.floor(1 + Math.random() * 10) : undefined);
      }
      expect(kills).toBeGreaterThan(1);
      expect(lastOf('weights', lines)).toBe(lastOf('weights', whole));
      expect(whole).toContain(lastOf('epoch', lines) ?? lastOf('epoch', whole));
    },
  );

  it('leaves the old checkpoint whole when it dies while it writes the next', async () => {
    const child = start('checkpoint-writer.ts', path);
    const closed = once(child, 'close');
    await once(child.stdout!, 'data');
    const isWriting = () => readdirSync(folder).some(name => name.endsWith('.tmp'));
    while (!isWriting()) await setTimeout(1);
    child.kill('SIGKILL');
    await closed;
    expect(existsSync(path)).toBe(true);
    const {progress, fingerprint, tensors} = (await readCheckpoint(path))!;
    expect(fingerprint).toEqual({round: progress.epoch});
    expect(tensors.get('weights/0')!.data.every(value => value === progress.epoch)).toBe(true);
    expect(isWriting()).toBe(true);
  });
});
