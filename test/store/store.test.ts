import {type ChildProcess, execFileSync, spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {AnswerStoreError} from '../../src/errors.ts';
import {type AnswerStore, openAnswerStore} from '../../src/store/store.ts';
import {storedAnswer} from './stored-answer.ts';
import {records, testAnswers} from './suites/answers.ts';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-store-'));
  path = join(folder, 'answers.lmdb');
});

afterEach(async () => {
  await rm(folder, {recursive: true});
});

const writer = fileURLToPath(new URL('answer-writer.ts', import.meta.url));
const tsx = import.meta.resolve('tsx');

function startWriter(prefix: string, batches: number): ChildProcess {
  return spawn(process.execPath, ['--import', tsx, writer, path, prefix, String(batches)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

describe.each([
  ['embedded', async () => openAnswerStore({path})],
  ['given by the caller', async () => openAnswerStore({store: new Map()})],
])('an answer store that is %s', (_, openEmpty) => testAnswers(openEmpty));

describe('the embedded answer store', () => {
  it('holds its answers after it is closed, and opens again by itself', async () => {
    const store = openAnswerStore({path});
    await store.set('a', records[0]!);
    await store.close();
    expect(await store.get('a')).toEqual(records[0]);
    await store.close();
  });

  it('touches no file before it is used', async () => {
    const store = openAnswerStore({path});
    await store.close();
    await expect(readFile(path)).rejects.toThrow('ENOENT');
  });

  it('makes the folder it is to stand in', async () => {
    const store = openAnswerStore({path: join(folder, 'a', 'b', 'answers')});
    await store.set('a', records[0]!);
    expect(await store.count()).toBe(1);
    await store.close();
  });

  it('can be open twice in one process', async () => {
    const [one, two] = [openAnswerStore({path}), openAnswerStore({path})];
    await one.set('a', records[0]!);
    expect(await two.get('a')).toEqual(records[0]);
    await one.close();
    await two.set('b', records[1]!);
    expect(await two.count()).toBe(2);
    await two.close();
  });

  it('keeps all that is set at once', async () => {
    const store = openAnswerStore({path});
    await Promise.all([
      ...Array.from({length: 300}, (_, number) => store.set(`k${number}`, records[0]!)),
      store.set('k1', records[1]!),
      store.setMany(['x', 'y'].map(key => ({key, stored: records[2]!}))),
    ]);
    expect(await store.count()).toBe(302);
    expect(await store.getMany(['k0', 'k1', 'y'])).toEqual([records[0], records[1], records[2]]);
    await store.close();
  });

  it('refuses what can not be written, writes what was set beside it, and goes on', async () => {
    const store = openAnswerStore({path});
    const sets = [store.set('a', records[0]!), store.set('k'.repeat(5000), records[0]!), store.set('b', records[0]!)];
    const results = await Promise.allSettled(sets);
    expect(results.map(({status}) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((results[1] as PromiseRejectedResult).reason).toBeInstanceOf(AnswerStoreError);
    await store.set('c', records[0]!);
    expect(await store.count()).toBe(3);
    await store.close();
  });

  it('holds every acknowledged answer of a process that is killed', async () => {
    const child = startWriter('k', 100_000);
    let acknowledged = 0;
    for await (const line of createInterface({input: child.stdout!})) {
      acknowledged = Number(line);
      if (acknowledged >= 300 && !child.killed) child.kill('SIGKILL');
    }
    expect(child.signalCode ?? (await once(child, 'exit'))[1]).toBe('SIGKILL');
    const store = openAnswerStore({path});
    const kept = await store.getMany(Array.from({length: acknowledged}, (_, number) => `k${number}`));
    for (const [number, stored] of kept.entries()) {
      expect(stored).toEqual(storedAnswer(Float32Array.of(number, -number, 0.5)));
    }
    // And it can be written on.
    await store.set('after', records[0]!);
    await store.close();
  });

  it('takes the answers of several processes at once', async () => {
    const children = ['a', 'b'].map(prefix => startWriter(prefix, 20));
    await Promise.all(children.map(child => once(child, 'exit')));
    const store = openAnswerStore({path});
    expect(await store.count()).toBe(400);
    expect(await store.getMany(['a199', 'b199', 'b200'])).toEqual([expect.anything(), expect.anything(), undefined]);
    await store.close();
  });

  it('says so when the disk is full, and keeps what it had acknowledged', async () => {
    // Blocks of 512 or 1024 bytes.
    const command = `ulimit -f 800; exec "${process.execPath}" --import "${tsx}" "${writer}" "${path}" k 1000`;
    const output = execFileSync('bash', ['-c', command], {encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore']});
    const lines = output.trim().split('\n');
    expect(lines.pop()).toContain(`AnswerStoreError: The answer store (${path}) can't be written: `);
    const store = openAnswerStore({path});
    const acknowledged = Number(lines.pop());
    expect(acknowledged).toBeGreaterThan(0);
    expect(await store.count()).toBe(acknowledged);
    await store.close();
  });
});

describe('a broken answer store', () => {
  it.each([
    ['a file of something else', async () => writeFile(path, 'a'.repeat(10_000)), 'the file is not an LMDB database'],
    ['a file that is too short', async () => writeFile(path, 'a'), 'the file is not an LMDB database'],
    ['a folder in the place of its file', async () => rm(path).catch(() => {}), 'EISDIR'],
    ['a file in the place of its folder', async () => writeFile(join(folder, 'file'), ''), 'directory'],
  ])('is an error with path, reason and remedy: %s', async (what, prepare, reason) => {
    await prepare();
    const broken = what.startsWith('a folder')
      ? folder
      : what.includes('its folder')
        ? join(folder, 'file', 'x')
        : path;
    const error = await openAnswerStore({path: broken})
      .get('a')
      .catch((error: unknown) => error);
    expect(error).toBeInstanceOf(AnswerStoreError);
    expect((error as Error).message).toContain(`The answer store (${broken}) can't be opened: `);
    expect((error as Error).message).toContain(reason);
    expect((error as Error).message).toContain('Check its path');
    expect((error as Error).cause).toBeInstanceOf(Error);
  });

  it('refuses an LMDB file of a format that its library does not read', async () => {
    const store = openAnswerStore({path});
    await store.set('a', records[0]!);
    await store.close();
    const bytes = await readFile(path);
    bytes.writeUInt16LE(1, bytes.indexOf(Buffer.of(0xde, 0xc0, 0xef, 0xbe)) + 4);
    await writeFile(path, bytes);
    await expect(openAnswerStore({path}).get('a')).rejects.toThrow('an LMDB database of format 1, not 2');
  });

  it('refuses an LMDB file that was cut off', async () => {
    const store = openAnswerStore({path});
    await store.setMany(Array.from({length: 100}, (_, index) => ({key: `k${index}`, stored: records[0]!})));
    await store.close();
    await writeFile(path, (await readFile(path)).subarray(0, 9000));
    await expect(openAnswerStore({path}).get('k1')).rejects.toThrow('an LMDB database whose end is missing');
  });

  /** A storage in which one method fails. */
  function failing(method: string, failure: () => unknown): AnswerStore {
    const store = new Map<string, unknown>();
    const methods = {get: 'get', set: 'set', delete: 'delete', clear: 'clear'} as const;
    const adapter = Object.fromEntries(
      Object.keys(methods).map(name => [name, name === method ? failure : (...given: [string]) => store.get(given[0])]),
    );
    return openAnswerStore({store: {opts: {}, on: () => adapter, ...adapter} as never});
  }

  const lost = () => {
    throw new Error('connection lost');
  };

  it('never takes a failed read for a miss, with a storage that reads one by one', async () => {
    const message = "The answer store (given by the caller) can't be read: connection lost. Check its path";
    await expect(failing('get', lost).get('a')).rejects.toThrow(message);
    await expect(failing('get', lost).getMany(['a', 'b'])).rejects.toThrow(message);
  });

  it('never takes a failed write for a success', async () => {
    await expect(failing('set', lost).set('a', records[0]!)).rejects.toThrow("can't be written: connection lost");
    await expect(failing('set', () => false).set('a', records[0]!)).rejects.toThrow('the storage refused an entry');
    await expect(failing('delete', lost).delete('a')).rejects.toThrow("can't be written: connection lost");
  });

  it('says so if a storage can not list', async () => {
    await expect(failing('none', lost).count()).rejects.toThrow("can't be listed: its storage has no iterator");
  });
});
