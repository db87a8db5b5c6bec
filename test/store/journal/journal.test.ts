import {execFileSync, spawn, spawnSync} from 'node:child_process';
import {once} from 'node:events';
import {existsSync} from 'node:fs';
import {appendFile, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';
import fc from 'fast-check';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {AnswerStoreError} from '../../../src/errors.ts';
import {type Journal, openJournal} from '../../../src/store/journal/journal.ts';

const writer = fileURLToPath(new URL('journal-writer.ts', import.meta.url));
const writerCommand = ['--import', import.meta.resolve('tsx'), writer];

let folder: string;

beforeEach(async () => {
  // In memory if that can be had: a journal waits for the disk whenever it is opened.
  folder = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'limbeck-journal-'));
});

afterEach(async () => {
  await rm(folder, {recursive: true});
});

const reply = (body: string) => ({status: 200, headers: {}, body});

/** The segments of a folder, the oldest first. */
async function segments(of = folder): Promise<string[]> {
  return (await readdir(of)).filter(name => /^\d/.test(name)).sort();
}

/** The findings of a journal, with each reply as it reads. */
async function found(journal: Journal): Promise<{inDoubt: string[]; replies: Record<string, string | undefined>}> {
  const replies = [...journal.recovered.replies].map(async ([key, place]) => {
    const kept = await journal.read(place);
    expect(kept?.keys).toContain(key);
    return [key, kept?.reply.body] as const;
  });
  const sorted = (await Promise.all(replies)).sort(([a], [b]) => (a < b ? -1 : 1));
  return {inDoubt: [...journal.recovered.inDoubt].sort(), replies: Object.fromEntries(sorted)};
}

/** Opens, looks and closes: what is not at its end is left to the next one. */
async function foundIn(of = folder): Promise<Awaited<ReturnType<typeof found>>> {
  const journal = await openJournal(of);
  const all = await found(journal);
  await journal.close();
  return all;
}

/** A process makes the calls of `journal-writer.ts` and is killed. */
function leaveBehind(of = folder): void {
  expect(() => execFileSync(process.execPath, [...writerCommand, of, 'steps'])).toThrow('Command failed');
}

const NOTHING = {inDoubt: [], replies: {}};
const LEFT = {inDoubt: ['f'], replies: {a: 'to a and b', b: 'to a and b', g: 'to g'}};

describe('a journal', () => {
  it('gives every body back as it came, whatever is in it', async () => {
    const journal = await openJournal(folder);
    const unit = fc.integer({min: 0, max: 0xffff});
    const anyText = fc.array(unit).map(units => String.fromCharCode(...units));
    await fc.assert(
      fc.asyncProperty(anyText, fc.array(anyText), async (body, keys) => {
        const place = await journal.replied(await journal.sent(keys), reply(body));
        expect(await journal.read(place)).toEqual({keys, reply: reply(body)});
      }),
    );
    for (const body of ['\ud800', 'a\udc00b', '\n\r\u2028\0', '{"reply":1}\n', '😀'.repeat(400_000)]) {
      const place = await journal.replied(await journal.sent(['k']), reply(body));
      expect((await journal.read(place))?.reply.body).toBe(body);
    }
    await journal.close();
  });

  it('finds each of many replies that came at once, also after it was closed', async () => {
    const journal = await openJournal(folder);
    const keys = Array.from({length: 1000}, (_, number) => `k${number}`);
    const places = await Promise.all(
      keys.map(async key => {
        const id = await journal.sent([key]);
        const place = await journal.replied(id, reply(`é to ${key}`));
        journal.done(id);
        return place;
      }),
    );
    await journal.close();
    const later = await openJournal(folder);
    const read = await Promise.all(places.map(place => later.read(place)));
    expect(read.map(kept => kept?.reply.body)).toEqual(keys.map(key => `é to ${key}`));
    expect(await found(later)).toEqual(NOTHING);
    await later.close();
  });

  it('keeps headers about the reply, the model and limits, and none that can hold a secret', async () => {
    const journal = await openJournal(folder);
    const kept = {
      date: 'Tue, 24 Nov 2026 16:00:00 GMT',
      'content-type': 'application/json',
      'retry-after': '3',
      'retry-after-ms': '3000',
      'x-ratelimit-remaining-tokens': '7',
      'anthropic-ratelimit-requests-reset': '2026-11-24T16:00:00Z',
      'ratelimit-policy': ['a', 'b'],
      'x-request-id': 'r1',
      'request-id': 'r2',
      'openai-model': 'm',
      'openai-version': '2020-10-01',
    };
    const dropped = {authorization: 'Bearer s3cret', 'set-cookie': ['s3cret'], 'x-api-key': 's3cret', cookie: 's3cret'};
    const headers = {...kept, ...dropped, 'openai-organization': 's3cret'};
    const place = await journal.replied(await journal.sent(['k']), {status: 200, headers, body: ''});
    expect((await journal.read(place))?.reply.headers).toEqual(kept);
    await journal.close();
    for (const name of await readdir(folder))
      expect(await readFile(join(folder, name), 'utf8')).not.toContain('s3cret');
  });

  it('has no reply if a location holds none', async () => {
    const journal = await openJournal(folder);
    const place = await journal.replied(await journal.sent(['k']), reply('text'));
    for (const wrong of [
      {...place, offset: place.offset + 1},
      {...place, length: place.length - 1},
      {...place, length: place.length + 1},
      {...place, offset: 0},
      {...place, segment: place.segment.replace(/-[0-9a-f]{8}/, '-00000000')},
      {...place, segment: '../../etc/passwd'},
    ]) {
      expect(await journal.read(wrong)).toBeUndefined();
    }
    await journal.close();
  });

  it('leaves no file of a process that kept no reply', async () => {
    await (await openJournal(folder)).close();
    const journal = await openJournal(folder);
    journal.failed(await journal.sent(['k']), 'refused', false);
    await journal.close();
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('what a journal leaves to the next one', () => {
  it('is what a killed process had under way, in doubt or paid for and unread', async () => {
    leaveBehind();
    expect(await foundIn()).toEqual(LEFT);
  });

  it('is left again and again until it is at its end, by a process that dies too as by one that closes', async () => {
    leaveBehind();
    expect(await foundIn()).toEqual(LEFT);
    expect(await foundIn()).toEqual(LEFT);
    // This one takes over, adds the same of its own, and is killed.
    leaveBehind();
    expect(await foundIn()).toEqual(LEFT);
    const journal = await openJournal(folder);
    const id = await journal.sent(['f', 'g']);
    journal.done(id);
    expect([...journal.recovered.replies.keys()]).toEqual(['a', 'b']);
    await journal.close();
    expect(await foundIn()).toEqual({inDoubt: [], replies: {a: 'to a and b', b: 'to a and b'}});
    const last = await openJournal(folder);
    last.settled(['a']);
    last.settled(['b']);
    await last.close();
    expect(await foundIn()).toEqual(NOTHING);
    // Only the replies are left.
    for (const name of await segments()) expect(await readFile(join(folder, name), 'utf8')).toContain('"reply"');
  });

  it('is in doubt again if a call about it is, and not if its reply came', async () => {
    const journal = await openJournal(folder);
    journal.failed(await journal.sent(['a', 'b']), 'reset', true);
    await journal.replied(await journal.sent(['a']), reply('to a'));
    await journal.close();
    expect(await foundIn()).toEqual({inDoubt: ['b'], replies: {a: 'to a'}});
  });

  it('is not touched while its process runs', async () => {
    const running = await openJournal(folder);
    const id = await running.sent(['a']);
    expect(await foundIn()).toEqual(NOTHING);
    const place = await running.replied(id, reply('to a'));
    const other = await openJournal(folder);
    expect((await other.read(place))?.reply.body).toBe('to a');
    expect(await found(other)).toEqual(NOTHING);
    await other.close();
    running.done(id);
    await running.close();
    expect(await foundIn()).toEqual(NOTHING);
  });

  it('is found whole or not at all if a segment ends in a torn line, at whichever byte', async () => {
    leaveBehind();
    const [name] = await segments();
    const path = join(folder, name!);
    const written = await readFile(path);
    // Spaces are preallocated after the lines.
    const whole = written.subarray(0, written.lastIndexOf('\n') + 1);
    // The state after each line of `journal-writer.ts`; the first is the head.
    const ab = {a: 'to a and b', b: 'to a and b'};
    const after = [
      NOTHING,
      NOTHING,
      {inDoubt: ['a', 'b'], replies: {}},
      {inDoubt: ['a', 'b', 'c'], replies: {}},
      {inDoubt: ['a', 'b', 'c', 'd'], replies: {}},
      {inDoubt: ['a', 'b', 'c', 'd', 'e'], replies: {}},
      {inDoubt: ['a', 'b', 'c', 'd', 'e', 'f'], replies: {}},
      {inDoubt: ['c', 'd', 'e', 'f'], replies: ab},
      {inDoubt: ['d', 'e', 'f'], replies: {...ab, c: 'to c: é\ud800\n'}},
      {inDoubt: ['d', 'e', 'f'], replies: ab},
      {inDoubt: ['e', 'f'], replies: ab},
      {inDoubt: ['e', 'f'], replies: ab},
      {inDoubt: ['e', 'f'], replies: ab},
      {inDoubt: ['f'], replies: {...ab, e: 'to e'}},
      {inDoubt: ['f'], replies: ab},
      {inDoubt: ['f', 'g'], replies: ab},
      LEFT,
    ];
    expect(whole.toString().split('\n')).toHaveLength(after.length);
    for (let length = 0; length <= whole.length; length++) {
      const copy = join(folder, 'copy');
      await mkdir(copy);
      await writeFile(join(copy, name!), whole.subarray(0, length));
      const lines = whole.subarray(0, length).toString().split('\n').length - 1;
      // Twice: the first one takes it over, and leaves it.
      expect(await foundIn(copy), `cut at ${length}`).toEqual(after[lines]);
      if (length % 7 === 0) expect(await foundIn(copy), `cut at ${length}, again`).toEqual(after[lines]);
      await rm(copy, {recursive: true});
    }
  });

  it('is found once, though the process that took it over died before it had said so', async () => {
    leaveBehind();
    const old = join(folder, (await segments())[0]!);
    const asItWas = await readFile(old);
    const journal = await openJournal(folder);
    const taken = join(folder, (await segments()).at(-1)!);
    const text = await readFile(taken, 'utf8');
    await journal.close();
    for (const name of await segments()) await rm(join(folder, name));
    // Its own segment stands, of a process that does not run, and the old one is not closed yet.
    await writeFile(old, asItWas);
    await writeFile(taken, text.replace(/"start":"[^"]*"/, '"start":"before"'));
    expect(await foundIn()).toEqual(LEFT);
    // Before that, its own segment was not whole yet.
    for (const name of await segments()) await rm(join(folder, name));
    await writeFile(old, asItWas);
    await writeFile(`${taken}.new`, text.slice(0, -5));
    expect(await foundIn()).toEqual(LEFT);
  });

  it('counts as in doubt if a power cut left a hole in its reply', async () => {
    leaveBehind();
    const path = join(folder, (await segments())[0]!);
    const bytes = await readFile(path);
    const hole = bytes.indexOf('to a and b');
    await writeFile(path, bytes.fill(0, hole, hole + 4));
    expect(await foundIn()).toEqual({inDoubt: ['a', 'b', 'f'], replies: {g: 'to g'}});
  });

  it('holds all that was acknowledged to a process that is killed at any moment', async () => {
    for (let round = 0; round < 5; round++) {
      const child = spawn(process.execPath, [...writerCommand, folder, 'load'], {stdio: ['ignore', 'pipe', 'inherit']});
      const ended = once(child, 'exit');
      const acknowledged = new Map<string, string>();
      for await (const line of createInterface({input: child.stdout})) {
        const [what = '', key = ''] = line.split(' ');
        acknowledged.set(key, what);
        if (acknowledged.size === 200 + 37 * round) child.kill('SIGKILL');
      }
      await ended;
      const journal = await openJournal(folder);
      const {inDoubt, replies} = await found(journal);
      // At most what was under way at once.
      expect(inDoubt.length + Object.keys(replies).length).toBeLessThanOrEqual(16);
      const kept = await readFile(join(folder, (await segments())[round]!), 'utf8');
      for (const [key, what] of acknowledged) {
        if (what === 'sent' && !(key in replies) && !kept.includes(`"to ${key}"`)) expect(inDoubt).toContain(key);
        if (what === 'reply') expect(kept).toContain(`"to ${key}"`);
      }
      journal.settled([...inDoubt, ...Object.keys(replies)]);
      await journal.close();
    }
    expect(await foundIn()).toEqual(NOTHING);
  });
});

describe('replies that came in a batch', () => {
  it('are to be read until they are settled, by later journals as well', async () => {
    const journal = await openJournal(folder);
    const place = await journal.receive(['a'], reply('of a'));
    await journal.receive(['b'], reply('of b'));
    expect(await journal.read(place)).toEqual({keys: ['a'], reply: reply('of a')});
    expect([...journal.received.keys()]).toEqual(['a', 'b']);
    journal.settled(['a']);
    expect([...journal.received.keys()]).toEqual(['b']);
    await journal.close();
    expect(await foundIn()).toEqual({inDoubt: [], replies: {b: 'of b'}});
    const later = await openJournal(folder);
    expect(later.received.size).toBe(0);
    later.settled(['b']);
    await later.close();
    expect(await foundIn()).toEqual({inDoubt: [], replies: {}});
  });

  it('are not to be read any more if their query is quarantined', async () => {
    const journal = await openJournal(folder);
    const place = await journal.receive(['a'], reply('of a'));
    await journal.quarantine('a', {why: 'unreadable', place});
    expect(journal.received.size).toBe(0);
    await journal.close();
    expect(await foundIn()).toEqual({inDoubt: [], replies: {}});
    const later = await openJournal(folder);
    expect(later.quarantined.get('a')).toEqual({why: 'unreadable', place});
    await later.close();
  });
});

describe('quarantined queries', () => {
  it('are known to every later journal, with why and where the reply is, until they are settled', async () => {
    const journal = await openJournal(folder);
    const place = await journal.replied(await journal.sent(['a']), reply('?'));
    await journal.quarantine('a', {why: 'No label.', place});
    await journal.quarantine('b', {why: 'Refused.'});
    const all = {a: {why: 'No label.', place}, b: {why: 'Refused.'}};
    expect(Object.fromEntries(journal.quarantined)).toEqual(all);
    await journal.close();
    const later = await openJournal(folder);
    expect(Object.fromEntries(later.quarantined)).toEqual(all);
    later.settled(['b', 'c']);
    expect([...later.quarantined.keys()]).toEqual(['a']);
    await later.close();
    const last = await openJournal(folder);
    expect([...last.quarantined.keys()]).toEqual(['a']);
    expect((await last.read(place))?.reply.body).toBe('?');
    await last.close();
  });

  it('survive torn lines of other processes', async () => {
    const journal = await openJournal(folder);
    await journal.quarantine('a', {why: 'one'});
    await appendFile(join(folder, 'quarantine.jsonl'), '{"key":"x","wh');
    await journal.quarantine('b', {why: 'two'});
    await truncate(join(folder, 'quarantine.jsonl'), (await readFile(join(folder, 'quarantine.jsonl'))).length - 1);
    await journal.close();
    const later = await openJournal(folder);
    expect([...later.quarantined.keys()]).toEqual(['a', 'b']);
    await later.close();
  });
});

describe('a journal that can not be written', () => {
  it('says so when it is opened, with path, reason and remedy', async () => {
    const path = join(folder, 'file');
    await writeFile(path, '');
    const error = await openJournal(path).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(AnswerStoreError);
    expect((error as Error).message).toMatch(
      /^The journal of requests \(.*file\) can't be opened: EEXIST.* Check its path, its permissions and the free disk/,
    );
  });

  /** Has a process write until its file may not grow. Blocks of 512 or 1024 bytes: about a hundred kilobytes. */
  function fill(what: string): {readonly lines: readonly string[]; readonly failure: string} {
    const command = `ulimit -f 100; exec "${process.execPath}" ${writerCommand.join(' ')} "${folder}" ${what}`;
    const lines = spawnSync('bash', ['-c', command], {encoding: 'utf8'}).stdout.trim().split('\n');
    return {lines: lines.slice(0, -1), failure: lines.at(-1)!};
  }

  it('leaves nothing of queries that it could not write down, and that were not sent', async () => {
    expect(fill('crowd')).toEqual({lines: [], failure: expect.stringMatching(/^AnswerStoreError: .*EFBIG/)});
    expect(await foundIn()).toEqual(NOTHING);
  });

  it('says so before anything is sent when the disk is full, and keeps the replies of all that was under way', async () => {
    const {lines, failure} = fill('load');
    expect(failure).toMatch(/^AnswerStoreError: The journal of requests \(.*\) can't be written: EFBIG/);
    const journal = await openJournal(folder);
    expect((await found(journal)).inDoubt).toEqual([]);
    const kept = await readFile(join(folder, (await segments())[0]!), 'utf8');
    const states = new Map(lines.map(line => line.split(' ').reverse() as [string, string]));
    expect(states.size).toBeGreaterThan(100);
    for (const [key, what] of states) {
      expect(what, key).toBe('reply');
      expect(kept).toContain(`"to ${key}"`);
    }
    await journal.close();
  });
});
