import {spawnSync} from 'node:child_process';
import {mkdtemp, open, readFile, rm, stat, truncate, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {openLmdb} from '../../../src/store/lmdb/file.ts';

/** The version of lmdb whose file head, pages and statistics the code is known to read right. */
const PROVEN = '3.5.6';
const CHECK =
  'src/store/lmdb/file.ts reads the head and the pages of a file and the statistics, as this version has ' +
  'them. Before you name another here: compare MDB_meta and MDB_page of its mdb.c with file.ts, see that getStats() still ' +
  'gives lastPageNumber and root.pageSize, and that a file of the version before still opens.';

const PAGE = 4096;
let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-lmdb-file-'));
  path = join(folder, 'file');
});

afterEach(async () => {
  await rm(folder, {recursive: true});
});

/** Commits a few entries, again and again, so that pages are freed and used once more. */
async function fill(): Promise<void> {
  const database = openLmdb<string>(path, {});
  for (let commit = 0; commit < 50; commit++) {
    database.transactionSync(() => {
      for (let entry = 0; entry < 20; entry++) database.putSync(`${entry % 7} ${commit * entry}`, 'x'.repeat(100));
    });
  }
  await database.close();
}

async function zero(page: number): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(Buffer.alloc(PAGE), 0, PAGE, page * PAGE);
  await file.close();
}

describe('an LMDB file', () => {
  it('is read and written by the one version of lmdb whose layout the code knows', async () => {
    const read = async (file: string) =>
      JSON.parse(await readFile(join(import.meta.dirname, '../../..', file), 'utf8'));
    expect((await read('package.json')).dependencies.lmdb, CHECK).toBe(PROVEN);
    expect((await read('package-lock.json')).packages['node_modules/lmdb'].version, CHECK).toBe(PROVEN);
    expect((await read('node_modules/lmdb/package.json')).version, CHECK).toBe(PROVEN);
  });

  it('is opened as it was left, and made with its folders if there is none', async () => {
    path = join(folder, 'one/two/file');
    await fill();
    const database = openLmdb<string>(path, {});
    expect(database.get('0 0')).toBe('x'.repeat(100));
    await database.close();
  });

  it('is new if it is empty', async () => {
    await fill();
    await truncate(path, 0);
    const database = openLmdb<string>(path, {});
    expect(database.getCount()).toBe(0);
    database.putSync('a', 'b');
    expect(database.get('a')).toBe('b');
    await database.close();
  });

  it('is refused without its end, wherever it was cut', async () => {
    await fill();
    const database = openLmdb<string>(path, {});
    const {lastPageNumber} = database.getStats() as {readonly lastPageNumber: number};
    await database.close();
    for (let pages = lastPageNumber; pages >= 2; pages--) {
      await truncate(path, pages * PAGE);
      expect(() => openLmdb(path, {}), `${pages} pages`).toThrow('whose end is missing');
    }
  });

  it.each([0, 1])('is refused if its page %i was overwritten with zeros', async page => {
    await fill();
    await zero(page);
    expect(() => openLmdb(path, {})).toThrow(/page of this LMDB|first page is damaged/);
  });

  it('is refused if all but its head was overwritten with zeros', async () => {
    await fill();
    const pages = (await stat(path)).size / PAGE;
    for (let page = 2; page < pages; page++) await zero(page);
    expect(() => openLmdb(path, {})).toThrow(/page \d+ of this LMDB database is damaged/);
  });

  it.skipIf(process.platform === 'win32').each([
    ['a device', () => '/dev/null', 'not a regular file'],
    ['a folder', () => folder, 'EISDIR'],
    ['a pipe', () => pipeAt(path), 'not a regular file'],
    ['a file of something else', () => path, 'the file is not an LMDB database'],
  ])('is not %s', async (what, place, reason) => {
    if (what.startsWith('a file')) await writeFile(path, 'a'.repeat(10_000));
    expect(() => openLmdb(place(), {})).toThrow(reason);
  });
});

function pipeAt(place: string): string {
  spawnSync('mkfifo', [place]);
  return place;
}
