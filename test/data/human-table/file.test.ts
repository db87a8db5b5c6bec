import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import {mkdtemp, readdir, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {changeFile, contentOfSync} from '../../../src/data/human-table/file.ts';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-human-'));
  path = join(folder, 'table.csv');
});

afterEach(() => rm(folder, {recursive: true}));

describe('a file that somebody else can change at the same time', () => {
  it('is made with its folder if it is missing, and leaves nothing beside it', async () => {
    const deep = join(folder, 'some', 'where', 'table.csv');
    expect(await changeFile(deep, content => `${content} and more`)).toEqual({content: 'undefined and more'});
    expect(readFileSync(deep, 'utf8')).toBe('undefined and more');
    expect(await readdir(join(folder, 'some', 'where'))).toEqual(['table.csv']);
  });

  it('is not written if nothing changes', async () => {
    expect(await changeFile(path, () => undefined)).toEqual({content: undefined});
    expect(existsSync(path)).toBe(false);
  });

  it('keeps its byte order mark', async () => {
    writeFileSync(path, '\uFEFFa');
    expect(await changeFile(path, content => `${content}b`)).toEqual({content: '\uFEFFab'});
    expect(readFileSync(path)).toEqual(Buffer.from('\uFEFFab'));
    expect(contentOfSync(path)).toBe('\uFEFFab');
  });

  it('is read again if it was changed after it was read, so that this change is not lost', async () => {
    writeFileSync(path, 'a');
    let calls = 0;
    const next = (content: string | undefined) => {
      if (calls++ < 2) writeFileSync(path, `${content}!`);
      return `${content}?`;
    };
    expect(await changeFile(path, next)).toEqual({content: 'a!!?'});
    expect(readFileSync(path, 'utf8')).toBe('a!!?');
  });

  it('is read again if it was made or removed meanwhile', async () => {
    let calls = 0;
    const made = await changeFile(path, content => {
      if (calls++ === 0) writeFileSync(path, 'theirs');
      return `${content} and ours`;
    });
    expect(made).toEqual({content: 'theirs and ours'});
  });

  it('stays as it is if it never stops changing', async () => {
    let calls = 0;
    const {content, problem} = await changeFile(path, () => {
      writeFileSync(path, String(calls++));
      return 'ours';
    });
    expect(problem).toBe(`${path} keeps changing. Stop what changes it, then run again.`);
    expect(content).toBe(readFileSync(path, 'utf8'));
    expect(calls).toBe(5);
  });

  it('is changed by one caller after another', async () => {
    const add = (content = '') => `${content}.`;
    await Promise.all(
      Array.from({length: 20}, (_, index) => changeFile(index % 2 ? path : `${folder}/./table.csv`, add)),
    );
    expect(readFileSync(path, 'utf8')).toBe('.'.repeat(20));
  });

  it('is named if it can not be read', async () => {
    await expect(changeFile(folder, () => undefined)).rejects.toThrow(`${folder} can't be read`);
    expect(() => contentOfSync(folder)).toThrow(`${folder} can't be read`);
    await writeFile(path, Buffer.from('gr\u00fcn', 'latin1'));
    await expect(changeFile(path, () => 'new')).rejects.toThrow(`${path} is not in UTF-8. Save it as "CSV UTF-8"`);
    expect(() => contentOfSync(path)).toThrow('is not in UTF-8');
    expect(readFileSync(path, 'latin1')).toBe('gr\u00fcn');
  });

  it('is named if it can not be written, with its content', async () => {
    // The longest name there can be: the file that is written beside it has a longer one.
    const longest = join(folder, 'x'.repeat(255));
    await writeFile(longest, 'a person wrote this');
    const {content, problem} = await changeFile(longest, () => 'new');
    expect(content).toBe('a person wrote this');
    expect(problem).toMatch(/x can't be written: ENAMETOOLONG.*Close it where it is open, .*then run again\.$/);
    expect(readFileSync(longest, 'utf8')).toBe('a person wrote this');
  });

  it('is left alone after an abort', async () => {
    const reason = new Error('enough');
    await expect(changeFile(path, () => 'new', AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(existsSync(path)).toBe(false);
  });
});
