import {cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {gunzipSync} from 'node:zlib';
import {type Asking, type AskingOptions, openAnswerStore, openAsking, type Query} from 'limbeck';
import {answerKey} from 'limbeck/ask';
import {open} from 'lmdb';
import {afterAll, beforeEach, describe, expect, it} from 'vitest';
import {rebuildStore} from '../../src/store/journal/rebuild.ts';
import {importAnswers} from '../../src/store/portable.ts';
import {
  aboutText,
  batched,
  batching,
  FATES,
  hosted,
  plain,
  queries,
  replyTo,
  teachers,
} from '../fixtures/written-before/asking.ts';

const written = join(import.meta.dirname, '../fixtures/written-before');
const root = mkdtempSync(join(tmpdir(), 'limbeck-written-before-'));
const answers = JSON.parse(readFileSync(join(written, 'answers.json'), 'utf8')) as readonly {readonly key: string}[];
const keyOf = (query: Query): string => answerKey(hosted('label', refuse).identity, query);

let folder: string;
let cache: string;
let journal: string;

/** Each test has the files as they were found on a disk, long after their processes ended. */
beforeEach(() => {
  folder = mkdtempSync(join(root, 'case-'));
  [cache, journal] = [join(folder, 'answers'), join(folder, 'journal')];
  cpSync(join(written, 'journal'), journal, {recursive: true});
  unzip(join(written, 'answers.gz'), cache);
  unzip(join(written, 'journal/replies-2.index.gz'), join(journal, 'replies-2.index'));
  for (const name of readdirSync(journal)) utimesSync(join(journal, name), 0, 0);
});

afterAll(() => rmSync(root, {recursive: true}));

function unzip(from: string, to: string): void {
  writeFileSync(to, gunzipSync(readFileSync(from)));
}

function refuse(): never {
  throw new Error('It was asked again.');
}

async function asking<T>(use: (asking: Asking) => Promise<T>, options: Partial<AskingOptions> = {}): Promise<T> {
  const opened = await openAsking({cache, journal, onNote: () => {}, ...options});
  try {
    return await use(opened);
  } finally {
    await opened.close();
  }
}

/** What the teachers that wrote the answers say now, by a service that refuses to be asked. */
const askAll = (options?: Partial<AskingOptions>) =>
  asking(async opened => {
    const outcomes = teachers(() => refuse).map(teacher => {
      const {detail} = teacher;
      return opened.open(teacher).teacher.ask(queries, {detail});
    });
    return (await Promise.all(outcomes)).map(plain);
  }, options);

/** What they said then. */
const said = () =>
  Promise.all(teachers(kind => asked => replyTo(kind, asked)).map(async one => plain(await one.ask(queries))));

async function entriesIn(
  path: string,
): Promise<readonly {readonly key: string; readonly stored: {readonly reply?: object}}[]> {
  const store = openAnswerStore({path});
  const entries = [];
  for await (const entry of store.entries()) entries.push(entry);
  await store.close();
  return entries;
}

/** The bytes of a file's entries, by their keys. */
async function bytesIn(path: string): Promise<Map<unknown, string>> {
  const database = open<Buffer, string | number>({path, noSubdir: true, encoding: 'binary'});
  const bytes = new Map(Array.from(database.getRange(), ({key, value}) => [key, value.toString('hex')]));
  await database.close();
  return bytes;
}

describe('an answer store that was written before', () => {
  it('has every answer as it was', async () => {
    expect(plain(await entriesIn(cache))).toEqual(answers);
  });

  it('answers queries of every kind, and nothing is asked again', async () => {
    expect(await askAll()).toEqual(await said());
  });

  it('gets the same bytes for the same answers', async () => {
    const again = openAnswerStore({path: join(folder, 'again')});
    await again.setMany((await entriesIn(cache)) as Parameters<typeof again.setMany>[0]);
    await again.close();
    const [before, after] = [await bytesIn(cache), await bytesIn(join(folder, 'again'))];
    // What only a deleted answer needed stays.
    expect([...before]).toEqual(expect.arrayContaining([...after]));
    expect([...after.keys()].filter(key => typeof key === 'string')).toHaveLength(answers.length);
  });

  it('can be filled from an exported file', async () => {
    const store = openAnswerStore({path: join(folder, 'imported')});
    const count = answers.length + 1;
    expect(await importAnswers(store, join(written, 'answers.export'))).toEqual({answers: count, added: count});
    await store.delete(keyOf(batched[0]!));
    await store.close();
    const withoutReplies = (await entriesIn(cache)).map(({key, stored: {reply: _, ...stored}}) => ({key, stored}));
    expect(plain(await entriesIn(join(folder, 'imported')))).toEqual(plain(withoutReplies));
  });
});

describe('a journal that was written before', () => {
  it('names what is in doubt, and asks it once more', async () => {
    const asked: string[] = [];
    const teacher = hosted('label', queries => {
      asked.push(...queries.map(({input}) => (input.kind === 'text' ? input.text : '')));
      return replyTo('label', queries);
    });
    const doubted = [FATES.inDoubt, FATES.carriedDoubt, FATES.underWay];
    await asking(async opened => {
      expect(opened.skipped).toEqual([]);
      expect([...opened.inDoubt.keys].sort()).toEqual(doubted.map(word => keyOf(aboutText(word))).sort());
      await opened.open(teacher).teacher.ask([...doubted, FATES.failed].map(aboutText));
    });
    expect(asked.sort()).toEqual([...doubted, FATES.failed].sort());
    await asking(async opened => expect(opened.inDoubt.keys).toEqual([]));
  });

  it('has the replies that killed processes left, and they are read instead of asked for', async () => {
    const outcomes = await asking(opened =>
      opened.open(hosted('label', refuse)).teacher.ask([FATES.unread, FATES.carried].map(aboutText)),
    );
    expect(outcomes).toEqual([1, 1].map(label => ({answer: {kind: 'label', label}})));
  });

  it.each(['new', 'none'] as const)('keeps a query in quarantine in mode %s, with its reason', async record => {
    const open = (opened: Asking) => opened.open(hosted('label', refuse)).teacher.ask([aboutText(FATES.quarantined)]);
    const [outcome] = await asking(open, {record});
    expect(outcome).toMatchObject({error: {message: expect.stringMatching(/quarantine.*It named no class\./)}});
  });

  it('knows the batch that a service has, and collects it instead of submitting it again', async () => {
    const lane = {sleep: async () => {}};
    const outcomes = await asking(opened => opened.open(batching({submit: refuse})).teacher.ask(batched.slice(1)), {
      lane,
    });
    expect(outcomes).toEqual([1, 1].map(label => ({answer: {kind: 'label', label}})));
    expect(readdirSync(join(journal, 'batches'))).toEqual([]);
  });

  it('has every reply of a store that is lost, but for what was deleted', async () => {
    rmSync(cache);
    const found = await asking(opened =>
      Promise.all(
        teachers(() => refuse)
          .slice(0, -1)
          .map(async teacher => plain(await opened.open(teacher).teacher.ask(queries))),
      ),
    );
    expect(found).toEqual((await said()).slice(0, -1));
    const deleted = asking(opened => opened.open(hosted('label', refuse)).teacher.ask([batched[0]!]));
    await expect(deleted).rejects.toThrow('asked again');
  });

  it('finds replies by the index beside it, without a look into the segments', async () => {
    rmSync(cache);
    const [first] = readdirSync(journal).filter(name => /^\d.*\.jsonl$/.test(name));
    const path = join(journal, first!);
    // The last of the replies stands where it stood, but no line begins with it.
    const hidden = readFileSync(path, 'latin1')
      .replaceAll('\n{"reply":', ' {"reply":')
      .replaceAll('{"kept":', ' "kept":');
    writeFileSync(path, hidden, 'latin1');
    const ask = (opened: Asking) => opened.open(hosted('label', refuse)).teacher.ask(queries.slice(2));
    expect(await asking(ask)).toEqual([{answer: {kind: 'label', label: 2}}]);
    rmSync(cache);
    rmSync(join(journal, 'replies-2.index'));
    await expect(asking(ask)).rejects.toThrow('asked again');
  });

  it('makes a lost store again, with the answers of services as they were', async () => {
    const before = await entriesIn(cache);
    const store = openAnswerStore({path: join(folder, 'rebuilt')});
    const ofReplies = before.filter(({stored}) => stored.reply);
    expect(await rebuildStore(store, journal)).toMatchObject({answers: ofReplies.length, added: ofReplies.length});
    await store.close();
    expect(plain(await entriesIn(join(folder, 'rebuilt')))).toEqual(plain(ofReplies));
  });
});
