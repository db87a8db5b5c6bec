import {type ChildProcess, spawn, spawnSync} from 'node:child_process';
import {once} from 'node:events';
import {mkdtemp, readdir, readFile, rm, utimes, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {openJournal} from '../../../src/store/journal/journal.ts';
import {holdLock, isLocked} from '../../../src/store/journal/lock.ts';
import {thisProcess} from '../../../src/store/owner.ts';

const writer = fileURLToPath(new URL('journal-writer.ts', import.meta.url));
const canUnshare = spawnSync('unshare', ['--pid', '--fork', 'true']).status === 0;

let folder: string;
let running: ChildProcess | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-lock-'));
});

afterEach(async () => {
  running?.kill('SIGKILL');
  running = undefined;
  await rm(folder, {recursive: true});
});

async function segment(): Promise<string> {
  return (await readdir(folder)).find(name => /^\d/.test(name))!;
}

describe('the lock of a segment', () => {
  it('is there until it is released, and leaves nothing', async () => {
    expect(await isLocked(folder, 'one')).toBeUndefined();
    const lock = await holdLock(folder, 'one');
    expect(await isLocked(folder, 'one')).toBe(true);
    expect(await isLocked(folder, 'other')).toBeUndefined();
    await lock.release();
    expect(await isLocked(folder, 'one')).toBeUndefined();
    expect(await readdir(folder)).toEqual([]);
  });

  it('is held in a folder whose path is longer than that of a socket may be', async () => {
    const deep = await mkdtemp(join(folder, 'x'.repeat(200)));
    const lock = await holdLock(deep, 'one');
    expect(await isLocked(deep, 'one')).toBe(process.platform === 'linux' ? true : undefined);
    await lock.release();
  });
});

/** Starts a process that keeps writing in a namespace of process ids of its own, as a container has. */
async function writeElsewhere(): Promise<void> {
  const command = [process.execPath, '--import', import.meta.resolve('tsx'), writer, folder, 'hold'];
  running = spawn('unshare', ['--pid', '--fork', '--kill-child', '--mount-proc', ...command], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(running.stdout!, 'data');
}

describe.skipIf(!canUnshare)('the journal of a process in another container', () => {
  it('is left alone while it runs, and taken over at once when it has ended', async () => {
    await writeElsewhere();
    const name = await segment();
    const before = await readFile(join(folder, name));
    const journal = await openJournal(folder);
    expect(journal.recovered.inDoubt).toEqual([]);
    expect(journal.unknown).toEqual([]);
    await journal.close();
    expect(await readFile(join(folder, name))).toEqual(before);

    const ended = once(running!, 'close');
    running!.kill('SIGKILL');
    await ended;
    const later = await openJournal(folder);
    expect(later.recovered.inDoubt).toEqual(['held']);
    await later.close();
    expect((await readdir(folder)).filter(file => file.startsWith('lock-'))).toEqual([]);
  });

  it('is left alone while its process is stopped', async () => {
    await writeElsewhere();
    const [child] = spawnSync('pgrep', ['-P', String(running!.pid)], {encoding: 'utf8'}).stdout.split('\n');
    process.kill(Number(child), 'SIGSTOP');
    const journal = await openJournal(folder);
    expect(journal.recovered.inDoubt).toEqual([]);
    await journal.close();
    expect(await segment()).toBeDefined();
    process.kill(Number(child), 'SIGCONT');
  });
});

describe('the journal of a process on another machine', () => {
  /** A segment with a query that is under way, as another machine wrote it so many seconds ago. */
  async function leftElsewhere(seconds: number): Promise<string> {
    const name = '20260102T030405678Z-7-0123abcd.jsonl';
    const owner = {space: 'elsewhere 0b00-7 pid:[1]', pid: 7, start: '1'};
    await writeFile(
      join(folder, name),
      `${JSON.stringify({journal: 1, owner})}\n${JSON.stringify({sent: 1, keys: ['a']})}\n`,
    );
    const at = new Date(Date.now() - 1000 * seconds);
    await utimes(join(folder, name), at, at);
    return join(folder, name);
  }

  it('is left alone while it gives signs of life, and is told of', async () => {
    const path = await leftElsewhere(60);
    const before = await readFile(path);
    const journal = await openJournal(folder);
    expect(journal.recovered.inDoubt).toEqual([]);
    expect(journal.unknown).toMatchObject([{pid: 7}]);
    await journal.close();
    expect(await readFile(path)).toEqual(before);
  });

  it('is taken over after two minutes without one, and not deleted: it may be there all the same', async () => {
    const path = await leftElsewhere(121);
    const journal = await openJournal(folder);
    expect(journal.recovered.inDoubt).toEqual(['a']);
    expect(journal.unknown).toEqual([]);
    journal.settled(['a']);
    await journal.close();
    expect(await readFile(path, 'utf8')).toMatch(/"sent".*\n\n{"closed":true}\n$/);
    const later = await openJournal(folder);
    expect(later.recovered.inDoubt).toEqual([]);
    await later.close();
  });
});

describe('a journal that is open', () => {
  it('names what one ended process was asking and another one asked after it', async () => {
    const head = (start: string) => ({journal: 1, owner: {...thisProcess, start}});
    const lines = (...records: object[]) => records.map(record => `${JSON.stringify(record)}\n`).join('');
    const [one, two] = [1, 2].map(number => join(folder, `2026010${number}T030405678Z-7-0123abcd.jsonl`));
    await writeFile(one!, lines(head('before'), {sent: 1, keys: ['a']}));
    await writeFile(two!, lines(head('before'), {sent: 1, keys: ['a']}, {failed: 1, inDoubt: false}, {settled: ['a']}));
    const journal = await openJournal(folder);
    expect(journal.recovered.inDoubt).toEqual(['a']);
    await journal.close();
    const later = await openJournal(folder);
    expect(later.recovered.inDoubt).toEqual([]);
    await later.close();
  });

  it('takes over what others left that have ended since', async () => {
    const journal = await openJournal(folder);
    const command = ['--import', import.meta.resolve('tsx'), writer, folder, 'steps'];
    spawnSync(process.execPath, command);
    expect(await journal.takeOver()).toEqual(['f']);
    expect([...journal.recovered.replies.keys()].sort()).toEqual(['a', 'b', 'g']);
    expect((await journal.read(journal.recovered.replies.get('g')!))?.reply.body).toBe('to g');
    expect(await journal.takeOver()).toEqual([]);
    journal.settled(['a', 'b', 'g']);
    await journal.close();
    const later = await openJournal(folder);
    expect(later.recovered).toEqual({inDoubt: ['f'], replies: new Map()});
    await later.close();
  });
});
