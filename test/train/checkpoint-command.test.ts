import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {existsSync} from 'node:fs';
import {mkdtemp, readdir, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {text} from 'node:stream/consumers';
import {setTimeout} from 'node:timers/promises';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {loadStudent, weightsHash} from '../../src/student/files.ts';

const COMMAND = join(import.meta.dirname, '../../src/cli/main.ts');
const RECIPE = join(import.meta.dirname, 'resume-recipe.ts');

let folder: string;
beforeAll(async () => {
  await startEngine();
  folder = await mkdtemp(join(tmpdir(), 'limbeck-train-'));
});
afterAll(() => rm(folder, {recursive: true}));

const students = (out: string): string => join(folder, out, 'students', 'alone');
const checkpoint = (out: string): string => join(students(out), 'seed-1.checkpoint');
const hash = async (out: string): Promise<string> => weightsHash(await loadStudent(join(students(out), 'seed-1')));

interface Ended {
  readonly code: number | null;
  readonly said: string;
  readonly result: {readonly curve: readonly {readonly epoch: number}[]} | undefined;
}

/** `limbeck train`, stopped with `signal` a moment after it began or went on. */
async function train(out: string, flags: readonly string[] = [], signal?: NodeJS.Signals): Promise<Ended> {
  const places = ['--out', join(folder, out), '--cache', join(folder, 'answers')];
  const values = ['--import', 'tsx', COMMAND, 'train', RECIPE, '--json', ...places, ...flags];
  const child = spawn(process.execPath, values, {stdio: ['ignore', 'pipe', 'pipe']});
  const ended = once(child, 'close');
  const json = text(child.stdout);
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    said += part;
  });
  if (signal !== undefined) {
    const isTraining = () =>
      flags.includes('--resume') ? said.includes('Continues from') : existsSync(checkpoint(out));
    while (!isTraining() && child.exitCode === null) await setTimeout(5);
    await setTimeout(100);
    child.kill(signal);
  }
  const [code] = (await ended) as [number | null];
  const printed = await json;
  return {code, said, result: printed === '' ? undefined : (JSON.parse(printed) as Ended['result'])};
}

describe('limbeck train --resume', () => {
  it('starts afresh where there is no checkpoint, says so, and leaves none once the student is saved', async () => {
    const {code, said, result} = await train('whole', ['--resume']);
    expect(code).toBe(0);
    expect(said).toContain(`There is no checkpoint at ${checkpoint('whole')}, so the run starts afresh.`);
    expect(result!.curve).toHaveLength(200);
    expect(await readdir(students('whole'))).toEqual(['seed-1']);
  });

  it('goes on after Ctrl-C and after a kill to the same student and the same curve', async () => {
    const stopped = await train('cut', [], 'SIGINT');
    expect(stopped.code).toBe(130);
    expect(stopped.said).toContain('The run is kept. Run the same command with --resume to continue.');
    await train('cut', ['--resume'], 'SIGKILL');
    expect(existsSync(checkpoint('cut'))).toBe(true);
    const {said, result} = await train('cut', ['--resume']);
    expect(said).toMatch(/Continues from .*seed-1\.checkpoint, after step \d+ of 1000\./);
    expect(await hash('cut')).toBe(await hash('whole'));
    expect(result!.curve.map(({epoch}) => epoch)).toEqual(Array.from({length: 200}, (_, index) => index + 1));
    expect(existsSync(checkpoint('cut'))).toBe(false);
  });

  it('replaces a checkpoint where it is not asked to go on, and says what could have been', async () => {
    await train('again', [], 'SIGKILL');
    const {said} = await train('again');
    expect(said).toContain(`Replaces ${checkpoint('again')}, the checkpoint of an earlier run.`);
    expect(await hash('again')).toBe(await hash('whole'));
  });
});
