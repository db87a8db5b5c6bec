import {cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {basename, join} from 'node:path';
import {afterAll, afterEach, beforeEach, describe, expect, it, vi} from 'vitest';
import {type ImportOptions, importLogs} from '../../../src/ask/import/import-log.ts';
import type {LogRow} from '../../../src/data/logs/rows.ts';
import {InputError} from '../../../src/errors.ts';
import {openJournal} from '../../../src/store/journal/journal.ts';
import {rebuildStore} from '../../../src/store/journal/rebuild.ts';
import {thisProcess} from '../../../src/store/owner.ts';
import {type AnswerStore, openAnswerStore} from '../../../src/store/store.ts';
import {answerKey, problemWith} from '../../../src/store/stored-answer.ts';
import {fakeTeacher} from '../fake-teacher.ts';

const folder = mkdtempSync(join(tmpdir(), 'limbeck-import-test-'));
afterAll(() => rmSync(folder, {recursive: true}));
afterEach(() => vi.unstubAllEnvs());

const teacher = fakeTeacher({access: 'black-box', detail: {kind: 'label'}}, () => []);
const keyOf = (text: string) => answerKey(teacher.identity, {input: {kind: 'text', text}});

async function collected<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

let store: AnswerStore;
let next = 0;
beforeEach(() => {
  store = openAnswerStore({path: join(folder, `answers-${next++}`)});
});

function imported(records: readonly object[], options: Partial<ImportOptions> = {}) {
  return importedRows([records.map((fields, index) => ({line: index + 1, fields: {...fields}}))], options);
}

function importedRows(batches: Iterable<readonly LogRow[]>, options: Partial<ImportOptions> = {}) {
  const rows = (async function* () {
    yield* batches;
  })();
  return importLogs([{file: '/logs/a.jsonl', sha256: 'ab12', rows}], {
    ...{store, teacher, wanted: {kind: 'label'}, fields: {}},
    queryAbout: async text => ({input: {kind: 'text', text}}),
    ...options,
  });
}

describe('an import of logs', () => {
  it('keeps answers with their origin', async () => {
    await imported([
      {text: 'one', label: 'b', date: '2024-05-01', model: 'm-1'},
      {text: 'two', label: 'c'},
    ]);
    const [one, two] = await store.getMany([keyOf('one'), keyOf('two')]);
    expect(one).toMatchObject({
      teacher: {name: teacher.name, identity: teacher.identity},
      answer: {kind: 'label', label: 1},
      imported: {file: '/logs/a.jsonl', sha256: 'ab12', line: 1, date: '2024-05-01T00:00:00.000Z', model: 'm-1'},
    });
    expect(two?.imported).toEqual({file: '/logs/a.jsonl', sha256: 'ab12', line: 2, date: undefined});
    expect(problemWith({key: keyOf('one'), stored: one!})).toBeUndefined();
  });

  it('records them in the journal, from which a lost store is rebuilt, also after a kill', async () => {
    const directory = join(folder, `journal-${next}`);
    const journal = await openJournal(directory);
    const records = Array.from({length: 1200}, (_, index) => ({
      text: `text ${index}`,
      label: 'abc'[index % 3],
      model: 'm-1',
    }));
    await imported(records, {journal});
    const killed = `${directory}-killed`;
    cpSync(directory, killed, {recursive: true, filter: path => !basename(path).startsWith('lock-')});
    await journal.close();
    const [segment] = readdirSync(killed).filter(name => name.endsWith('.jsonl'));
    const [head, ...lines] = readFileSync(join(killed, segment!), 'utf8').split('\n');
    const owner = {...thisProcess, start: 'earlier'};
    writeFileSync(join(killed, segment!), [JSON.stringify({...JSON.parse(head!), owner}), ...lines].join('\n'));
    // Retires what the killed process left.
    await (await openJournal(killed)).close();
    const all = async (from: AnswerStore) =>
      new Map((await collected(from.entries())).map(({key, stored}) => [key, stored]));
    const kept = await all(store);
    for (const source of [directory, killed]) {
      const fresh = openAnswerStore({path: join(folder, `rebuilt-${next++}`)});
      expect(await rebuildStore(fresh, source)).toEqual({answers: 1200, added: 1200, unread: 0});
      expect(await all(fresh)).toEqual(kept);
      await fresh.close();
    }
  });

  it('takes the first of several answers about a text, within and across batches, or the last', async () => {
    const record = (label: string, line: number) => ({line, fields: {text: 'one', label}});
    const batches = [
      [record('b', 1), record('b', 2), record('c', 3)],
      [record('c', 4), record('b', 5)],
    ];
    const counts = await importedRows(batches);
    expect(counts).toMatchObject({records: 5, imported: 1, repeated: 2, conflicting: 2});
    expect(counts.conflicts[0]).toEqual({labels: ['b', 'c'], lines: [1, 3]});
    expect((await store.get(keyOf('one')))?.imported?.line).toBe(1);
    await importedRows(batches, {last: true, replace: true});
    expect((await store.get(keyOf('one')))?.imported?.line).toBe(5);
  });

  it('leaves kept answers as they are, unless it is to replace them', async () => {
    await imported([{text: 'one', label: 'a'}]);
    const records = [
      {text: 'one', label: 'b'},
      {text: 'two', label: 'b'},
    ];
    expect(await imported(records)).toMatchObject({imported: 1, kept: 1, replaced: 0});
    expect((await store.get(keyOf('one')))?.answer).toEqual({kind: 'label', label: 0});
    expect(await imported(records, {replace: true})).toMatchObject({imported: 2, kept: 0, replaced: 2});
    expect((await store.get(keyOf('one')))?.answer).toEqual({kind: 'label', label: 1});
  });

  it('adds nothing if a log can’t be read, in a dry run, or if no record has a named field', async () => {
    const records = [{text: 'one', label: 'b'}];
    const broken = (function* () {
      yield [{line: 1, fields: {text: 'one', label: 'b'}}];
      throw new InputError('line 2 is broken');
    })();
    const temporary = join(folder, 'temporary');
    mkdirSync(temporary);
    vi.stubEnv('TMPDIR', temporary);
    await expect(importedRows(broken)).rejects.toThrow('line 2 is broken');
    expect(await imported(records, {dryRun: true})).toMatchObject({imported: 1});
    await expect(imported(records, {fields: {date: 'day'}})).rejects.toThrow('has a field `day`, which `--date` names');
    expect(await store.count()).toBe(0);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('counts each record once', async () => {
    const counts = await importedRows([
      [
        {line: 1, fields: {text: 'one', label: 'b'}},
        {line: 2, fields: undefined},
        {line: 3, fields: {text: ' ', label: 'b'}},
        {line: 4, fields: {text: 'two'}},
        {line: 5, fields: {text: 'three', label: 'z'}},
        {line: 6, fields: {text: 'four', label: 'a', error: 'late'}},
      ],
    ]);
    const refused = [...counts.refused.values()].map(({reason, count}) => [reason, count]);
    expect(Object.fromEntries(refused)).toEqual({notJson: 1, noText: 1, unreadable: 1, unknownLabel: 1, failed: 1});
    expect(counts).toMatchObject({records: 6, imported: 1});
    expect(counts.unknownLabels).toEqual(new Map([['z', 1]]));
  });

  it('stops at a signal and leaves nothing behind', async () => {
    const controller = new AbortController();
    const endless = (function* () {
      for (let line = 1; ; line++) {
        yield [{line, fields: {text: `text ${line}`, label: 'b'}}];
        if (line === 3) controller.abort();
      }
    })();
    await expect(importedRows(endless, {signal: controller.signal})).rejects.toThrow('aborted');
    expect(await store.count()).toBe(0);
    expect(existsSync(folder)).toBe(true);
  });
});
