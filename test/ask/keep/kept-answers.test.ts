import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {type Asking, openAsking} from '../../../src/ask/asking.ts';
import type {RecordMode} from '../../../src/ask/keep/record.ts';
import {planAsking} from '../../../src/ask/plan/plan.ts';
import {stack} from '../../../src/ask/teacher-stack.ts';
import type {TextInputs} from '../../../src/data/inputs.ts';
import {openJournal} from '../../../src/store/journal/journal.ts';
import {JournalReader} from '../../../src/store/journal/reader.ts';
import {openAnswerStore} from '../../../src/store/store.ts';
import {answerKey} from '../../../src/store/stored-answer.ts';
import type {Json, Reply} from '../../../src/teacher.ts';
import {about, labelled} from '../fake-teacher.ts';
import {type PayingTeacher, payingTeacher} from '../paying-teacher.ts';

interface Reading extends PayingTeacher {
  /** How many replies it has read. */
  readonly reads: {count: number};
}

/** Reads label n as n plus a shift, modulo 3. The shift is an option of its reading, and not of its identity. */
function shifted(shift: number, maxBatch = 10): Reading {
  const payer = payingTeacher(undefined, {maxBatch});
  const reads = {count: 0};
  const read = (reply: Reply, count: number) => {
    reads.count++;
    return payer.service.read(reply, count, {kind: 'label'}).map(outcome => {
      if ('error' in outcome || outcome.answer.kind !== 'label') return outcome;
      return labelled(outcome.answer.label + shift);
    });
  };
  const service = {...payer.service, reader: {version: 1, shift}, read};
  return {
    ...payer,
    service,
    reads,
    ask: async (...asked) => {
      const outcomes = await payer.ask(...asked);
      return outcomes.map(outcome =>
        'answer' in outcome && outcome.answer.kind === 'label' ? labelled(outcome.answer.label + shift) : outcome,
      );
    },
  };
}

const thousand = Array.from({length: 1000}, (_, number) => number);
const inputs: TextInputs = {kind: 'text', count: 1000, texts: thousand.map(String)};

let folder: string;
let asking: Asking;

async function open(record: RecordMode = 'new', journal = 'journal'): Promise<Asking> {
  asking = await openAsking({cache: join(folder, 'answers'), journal: join(folder, journal), record});
  return asking;
}

/** Keeps a thousand answers, read with no shift. */
async function kept(): Promise<void> {
  await (await open()).open(shifted(0)).teacher.ask(about(...thousand));
  await asking.close();
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-reading-'));
});

afterEach(async () => {
  await asking.close();
  await rm(folder, {recursive: true});
});

describe('answers that were read in another way', () => {
  it.each(['new', 'once', 'none'] as const)('are read again for nothing, and kept (record %s)', async record => {
    await kept();
    const other = shifted(1);
    const {teacher, ledger} = (await open(record)).open(other);
    expect(await teacher.ask(about(...thousand))).toEqual(thousand.map(number => labelled(number + 1)));
    expect(other.requests).toEqual([]);
    // Ten answers came from each reply.
    expect(other.reads.count).toBe(100);
    expect(ledger.snapshot()).toMatchObject({asked: 1000, bought: 0, cached: 1000, calls: 0});

    await teacher.ask(about(...thousand));
    expect(other.reads.count).toBe(100);
  });

  it('keep their origin', async () => {
    await kept();
    const key = answerKey(shifted(0).identity, about(7)[0]!);
    await open();
    const before = await asking.store.get(key);
    await asking.open(shifted(1)).teacher.ask(about(7));
    expect(await asking.store.get(key)).toEqual({...before, ...labelled(8), reader: {version: 1, shift: 1}});
  });

  it('are read each time that another reader wants them', async () => {
    await kept();
    await open();
    const [one, other] = [shifted(1), shifted(2)];
    for (const _ of [1, 2]) {
      expect(await asking.open(one).teacher.ask(about(4, 5))).toEqual([labelled(5), labelled(6)]);
      expect(await asking.open(other).teacher.ask(about(4, 5))).toEqual([labelled(6), labelled(7)]);
    }
    expect([one.requests, other.requests]).toEqual([[], []]);
    const both = await Promise.all([one, other].map(reading => asking.open(reading).teacher.ask(about(4, 5))));
    expect(both).toEqual([
      [labelled(5), labelled(6)],
      [labelled(6), labelled(7)],
    ]);
  });

  it('are told alike however their readers are written', async () => {
    await kept();
    const same = shifted(0);
    const written: Json = {shift: 0, version: 1};
    await (await open()).open({...same, service: {...same.service, reader: written}}).teacher.ask(about(1));
    expect([same.requests.length, same.reads.count]).toEqual([0, 0]);
  });

  it('are asked for again where their replies are not there, once', async () => {
    await kept();
    const other = shifted(1);
    const {teacher, ledger} = (await open('new', 'elsewhere')).open(other);
    expect(await teacher.ask(about(1, 2))).toEqual([labelled(2), labelled(3)]);
    expect(ledger.snapshot()).toMatchObject({bought: 2, cached: 0});
    await teacher.ask(about(1, 2));
    expect(other.requests).toEqual([[1, 2]]);
  });

  it.each(['once', 'none'] as const)(
    'are refused with the reason where their replies are not there (record %s)',
    async record => {
      await kept();
      const other = shifted(1);
      const {teacher} = (await open(record, 'elsewhere')).open(other);
      expect(await teacher.ask(about(1))).toMatchObject([
        {
          error: {
            name: 'KnowledgeError',
            message: expect.stringMatching(
              /^The answer under key [0-9a-f]{64} was read in another way .* not in the journal/,
            ),
          },
        },
      ]);
      expect(other.requests).toEqual([]);
    },
  );

  it('are asked for again if the new reader finds no answer in them', async () => {
    await kept();
    const other = shifted(1);
    const strict = {
      ...other.service,
      read: (_: Reply, count: number) => Array.from({length: count}, () => ({error: new Error('odd')})),
    };
    await (await open()).open({...other, service: strict}).teacher.ask(about(1));
    expect(other.requests).toEqual([[1]]);
  });

  it('of a teacher in this process are served as they are', async () => {
    const {service: _, ...local} = shifted(0);
    await (await open()).open(local).teacher.ask(about(1));
    const other = shifted(1);
    expect(await asking.open(other).teacher.ask(about(1))).toEqual([labelled(1)]);
    expect(other.reads.count).toBe(0);
  });

  it('are cached to a plan that knows where their replies are, which keeps none', async () => {
    await kept();
    const replies = new JournalReader(join(folder, 'journal'));
    const {store} = await open('none');
    expect(await planAsking(shifted(1), inputs, {store, replies})).toMatchObject({cached: 1000, calls: {worst: 0}});
    expect(await planAsking(shifted(1), inputs, {store})).toMatchObject({cached: 0});
    expect(await store.get(answerKey(shifted(0).identity, about(7)[0]!))).toMatchObject(labelled(7));
    await replies.close();
  });

  it('are read again from a journal that is written as well', async () => {
    await open('none');
    const journal = await openJournal(join(folder, 'journal'));
    const store = openAnswerStore({store: new Map()});
    await stack(shifted(0), {store, journal}).ask(about(1, 2));
    const other = shifted(1);
    expect(await stack(other, {store, journal}).ask(about(1, 2))).toEqual([labelled(2), labelled(3)]);
    expect(other.requests).toEqual([]);
    await journal.close();
  });
});
