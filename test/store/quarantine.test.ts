import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import fc from 'fast-check';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {noteOnSkipped, Quarantine, readQuarantine} from '../../src/store/quarantine.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-quarantine-'));
});
afterEach(() => rm(folder, {recursive: true, force: true}));

const entry = {
  why: 'It names no class.',
  place: {segment: 'x.jsonl', offset: 0, length: 9},
  at: '2025-11-12T14:03:00.000Z',
  teacher: 'sorter',
  input: 'My card has not come',
  said: {text: 'card arrival', nearest: 'card_arrival'},
};

describe('the quarantine', () => {
  it('reads what earlier versions wrote, and settles it', async () => {
    await writeFile(join(folder, 'set-aside.jsonl'), '\n{"key":"a","why":"one"}\n\n{"key":"b","why":"two"}\n');
    const quarantine = new Quarantine(folder);
    expect(Object.fromEntries(quarantine.byKey)).toEqual({a: {why: 'one'}, b: {why: 'two'}});
    quarantine.settle(['a']);
    quarantine.add('c', entry);
    expect(Object.fromEntries(readQuarantine(folder).byKey)).toEqual({b: {why: 'two'}, c: entry});
  });

  it('skips what is no entry, names its file and line, and reads the rest', async () => {
    const junk = ['null', '7', '[]', '{}', '{"key":1,"why":"x"}', '{"key":"x","why":7}', '{"key":"x","wh', '"text"'];
    const path = join(folder, 'quarantine.jsonl');
    await writeFile(path, [JSON.stringify({key: 'a', ...entry}), ...junk, '{"key":"b","why":"two"}', ''].join('\n'));
    const {byKey, skipped} = readQuarantine(folder);
    expect(Object.fromEntries(byKey)).toEqual({a: entry, b: {why: 'two'}});
    expect(skipped).toEqual(junk.map((_, index) => `${path}, line ${index + 2}`));
    expect(noteOnSkipped(skipped)).toContain(`${path}, line 2 (and 7 more) can't be read`);
    expect(noteOnSkipped([])).toBeUndefined();
  });

  it('never throws on a line, and never loses the entries around it', async () => {
    const path = join(folder, 'quarantine.jsonl');
    const line = fc.oneof(fc.json(), fc.string()).map(text => text.replace(/\n/g, ' '));
    await fc.assert(
      fc.asyncProperty(line, async junk => {
        await writeFile(path, `{"key":"first","why":"one"}\n${junk}\n{"key":"last","why":"two"}\n`);
        const {byKey} = readQuarantine(folder);
        expect([byKey.has('first'), byKey.has('last')]).toEqual([true, true]);
      }),
      {numRuns: 200},
    );
  });

  it('writes a line an entry, after whatever another process left', async () => {
    const path = join(folder, 'quarantine.jsonl');
    await writeFile(path, '{"key":"torn","wh');
    new Quarantine(folder).add('a', entry);
    expect((await readFile(path, 'utf8')).split('\n')).toContain(JSON.stringify({key: 'a', ...entry}));
    expect(readQuarantine(folder).byKey.get('a')).toEqual(entry);
  });
});
