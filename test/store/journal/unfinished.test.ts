import {mkdir, mkdtemp, readdir, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {AnswerStoreError} from '../../../src/errors.ts';
import {type BatchRecord, BatchRecords} from '../../../src/store/journal/unfinished.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-batches-'));
});

afterEach(async () => {
  await rm(folder, {recursive: true});
});

const record = (name: string, changes: Partial<BatchRecord> = {}): BatchRecord => ({
  ...{format: 1, name, teacher: 'a payer', plannedAt: '2026-11-25T11:00:00.000Z', attempt: 1, keys: ['k1', 'k2']},
  ...changes,
});

describe('BatchRecords', () => {
  it('makes no folder before there is a batch', async () => {
    expect(new BatchRecords(folder).all()).toEqual([]);
    expect(await readdir(folder)).toEqual([]);
  });

  it('shows every process what all of them wrote, the oldest first, as it is now', async () => {
    const [one, other] = [new BatchRecords(folder), new BatchRecords(folder)];
    const early = record('early', {plannedAt: '2026-11-25T10:00:00.000Z'});
    await one.write(record('late'));
    await other.write(early);
    expect(one.all()).toEqual([early, record('late')]);
    await other.write({...early, id: 'batch-7'});
    expect(one.all()).toEqual([{...early, id: 'batch-7'}, record('late')]);
    one.remove(early);
    expect(other.all()).toEqual([record('late')]);
    one.remove(early);
  });

  it('ignores a file that is still being written', async () => {
    const records = new BatchRecords(folder);
    await records.write(record('one'));
    await writeFile(`${records.pathOf(record('two'))}.1234`, '{"format":');
    expect(records.all()).toEqual([record('one')]);
  });

  it('fails if the journal can’t be written, and says where', async () => {
    await writeFile(join(folder, 'batches'), 'no folder');
    const writing = new BatchRecords(folder).write(record('one'));
    await expect(writing).rejects.toThrow(AnswerStoreError);
    await expect(writing).rejects.toThrow(folder);
  });

  it('refuses a batch that another version wrote down', async () => {
    const records = new BatchRecords(folder);
    await records.write({...record('one'), format: 2 as 1});
    expect(() => records.all()).toThrow(/one.json is of format 2/);
  });

  it('fails if a batch can’t be read', async () => {
    await mkdir(new BatchRecords(folder).pathOf(record('one')), {recursive: true});
    expect(() => new BatchRecords(folder).all()).toThrow(AnswerStoreError);
  });
});
