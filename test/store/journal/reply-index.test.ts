import {createHash} from 'node:crypto';
import {existsSync} from 'node:fs';
import {mkdtemp, rm, utimes, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import fc from 'fast-check';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {IndexFile, MOST_ENTRIES} from '../../../src/store/journal/index-file.ts';
import {encoder, keyEncoder} from '../../../src/store/journal/index-form.ts';
import {lineOf, replyLine} from '../../../src/store/journal/lines.ts';
import {JournalReader} from '../../../src/store/journal/reader.ts';
import {ReplyIndex} from '../../../src/store/journal/reply-index.ts';

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

function bytesOf(key: string): Buffer {
  const target = Buffer.alloc(4096, 7);
  return target.subarray(3, keyEncoder.writeKey(key, target, 3));
}

describe('the form of an index', () => {
  const hash = fc.stringMatching(/^[0-9a-f]{64}$/);
  const text = fc.oneof(hash, fc.string({unit: 'grapheme', maxLength: 70}), fc.string({minLength: 29, maxLength: 33}));

  it('gives every key back as the text that it was, and takes 32 bytes for a hash alone', () => {
    fc.assert(
      fc.property(text, key => {
        const bytes = bytesOf(key);
        expect(keyEncoder.readKey(Buffer.concat([Buffer.from('xyz'), bytes]), 3, 3 + bytes.length)).toBe(key);
        expect(bytes.length === 32).toBe(/^[0-9a-f]{64}$/.test(key));
      }),
    );
  });

  it('gives every location back, in the bytes that its numbers need', () => {
    const number = fc.oneof(fc.nat(), fc.maxSafeNat());
    fc.assert(
      fc.property(number, number, number, number, (segment, offset, length, keptAt) => {
        const entry = {segment, offset, length, keptAt};
        expect(encoder.decode(Uint8Array.from(encoder.encode(entry)))).toEqual(entry);
      }),
    );
    const usual = {segment: 3, offset: 200_000_000, length: 900, keptAt: Date.parse('2030-01-01')};
    expect(encoder.encode(usual)).toHaveLength(1 + 4 + 2 + 6);
  });
});

describe('an index of replies', () => {
  const segments = ['20300101T000000000Z-1-00000001.jsonl', '20300101T000000000Z-2-00000002.jsonl'] as const;
  const odd = ['a', 'é'.repeat(15), 'x'.repeat(31), 'F'.repeat(64), `${hashOf('a')} 2`, 'long '.repeat(300)];
  const keys = [...odd, ...Array.from({length: 50}, (_, number) => hashOf(String(number)))];

  const many = Array.from({length: 3 * MOST_ENTRIES}, (_, number) => hashOf(`${number} of many`));

  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'limbeck-index-'));
  });

  afterEach(async () => {
    await rm(folder, {recursive: true});
  });

  /** A segment with a reply to each query, and lines that say when answers were kept. Returns where each reply is. */
  async function writeSegment(name: string, asked: readonly string[], kept: Readonly<Record<string, string>> = {}) {
    const lines = asked.map((key, id) => replyLine(id, [key], {status: 200, headers: {}, body: `${name} ${key}`}));
    let offset = 0;
    const locations = lines.map(line => {
      const location = {segment: name, offset, length: Buffer.byteLength(line)};
      offset += location.length;
      return location;
    });
    const keptLines = Object.entries(kept).map(([key, at]) => {
      const {offset, length} = locations[asked.indexOf(key)]!;
      return lineOf({kept: [[key, [1, 'x', 0, 0, at, null, offset, length, {}]]], in: name});
    });
    await writeFile(join(folder, name), [...lines, ...keptLines].join(''));
    return new Map(asked.map((key, index) => [key, locations[index]!]));
  }

  async function find(): Promise<ReadonlyMap<string, unknown>> {
    const index = new ReplyIndex(folder);
    return index.find([...keys, hashOf('never asked')]).finally(() => index.close());
  }

  async function unread(): Promise<readonly string[]> {
    const index = new ReplyIndex(folder);
    const found: string[] = [];
    for await (const key of index.unread()) found.push(key);
    await index.close();
    return found.sort();
  }

  it('finds replies by keys of any form in several segments, and reads them', async () => {
    const first = await writeSegment(
      segments[0],
      keys.filter((_, number) => number % 2 === 0),
    );
    expect(await find()).toEqual(first);
    const second = await writeSegment(
      segments[1],
      keys.filter((_, number) => number % 2 === 1),
    );
    expect(await find()).toEqual(new Map([...first, ...second]));
    const reader = new JournalReader(folder);
    for (const [key, location] of await reader.find(keys)) {
      expect((await reader.read(location))?.reply.body).toBe(`${location.segment} ${key}`);
    }
    await reader.close();
  });

  it('opens a large file anew again and again, and makes it again if it was deleted meanwhile', async () => {
    const locations = await writeSegment(segments[0], many);
    const index = new ReplyIndex(folder, undefined, 0);
    for (let attempt = 0; attempt < 3; attempt++) expect(await index.find(many)).toEqual(locations);
    for (const name of ['replies-2.index', 'replies-2.index-lock']) await rm(join(folder, name));
    for (let attempt = 0; attempt < 3; attempt++) await index.find(many);
    expect(existsSync(join(folder, 'replies-2.index'))).toBe(true);
    expect(await index.find(many)).toEqual(locations);
    await index.close();
  });

  it('lets the process do other things between two commits', async () => {
    await writeSegment(segments[0], many);
    let turns = 0;
    const counter = setInterval(() => turns++);
    await find().finally(() => clearInterval(counter));
    expect(turns).toBeGreaterThanOrEqual(2);
  });

  it('is whole after a process that ended while it made the index', async () => {
    const locations = await writeSegment(segments[0], many);
    const entries = new Map(Array.from(locations, ([key, location]) => [key, {key, location, keptAt: 0}]));
    const ended = new IndexFile(folder);
    const added = ended.add({segment: segments[0], read: 0, end: 1, entries});
    await ended.close();
    await expect(added).rejects.toThrow('closed');
    const index = new ReplyIndex(folder);
    expect(await index.find(many)).toEqual(locations);
    await index.close();
  });

  it('is whole if two processes make it at the same time', async () => {
    const twice = [...many, ...many.toReversed()];
    const locations = await writeSegment(segments[0], twice);
    const both = [new ReplyIndex(folder), new ReplyIndex(folder)];
    for (const found of await Promise.all(both.map(index => index.find(many)))) expect(found).toEqual(locations);
    for (const index of both) await index.close();
  });

  it('has of several replies the one whose answer was kept last, or else the last one', async () => {
    const [once, twice, unkept] = [keys[0]!, keys[7]!, keys[8]!];
    const [early, late] = ['2030-01-01T00:00:01Z', '2030-01-01T00:00:02Z'];
    const first = await writeSegment(segments[0], [once, twice, unkept], {[once]: early, [twice]: late});
    await find();
    const second = await writeSegment(segments[1], [once, twice, unkept], {[twice]: early});
    expect(await find()).toEqual(
      new Map([
        [once, first.get(once)],
        [twice, first.get(twice)],
        [unkept, second.get(unkept)],
      ]),
    );
  });

  it('gives the keys of replies without an answer as texts', async () => {
    await writeSegment(segments[0], keys, {[keys[0]!]: '2030-01-01T00:00:01Z', [keys[9]!]: '2030-01-01T00:00:01Z'});
    expect(await unread()).toEqual(keys.filter(key => key !== keys[0] && key !== keys[9]).sort());
  });

  it('gives the keys of many such replies, each once', async () => {
    await writeSegment(segments[0], many);
    expect(await unread()).toEqual(many.toSorted());
  });

  it('leaves the index of an earlier version alone as long as that may be in use, and then removes it', async () => {
    const locations = await writeSegment(segments[0], keys);
    const earlier = ['replies.index', 'replies.index-lock'].map(name => join(folder, name));
    for (const path of earlier) await writeFile(path, 'of another form');
    expect(await find()).toEqual(locations);
    expect(earlier.filter(existsSync)).toEqual(earlier);
    await utimes(earlier[0]!, 0, 0);
    expect(await find()).toEqual(locations);
    expect(earlier.filter(existsSync)).toEqual([]);
  });
});
