import {mkdtemp} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {createBudget} from '../../../src/ask/budget/budget.ts';
import type {BudgetLimit} from '../../../src/ask/budget/limit.ts';
import {cascade} from '../../../src/ask/compose/cascade.ts';
import {ensemble} from '../../../src/ask/compose/ensemble.ts';
import {atLanePrice, checkLanes, LaneWatch, laneOf, lanePrice} from '../../../src/ask/lane/lane.ts';
import {createLedger, type LedgerSnapshot} from '../../../src/ask/ledger.ts';
import {stack} from '../../../src/ask/teacher-stack.ts';
import {AnswerStoreError, BudgetError, InputError, PendingError, TeacherError} from '../../../src/errors.ts';
import type {NewBatch} from '../../../src/service-features.ts';
import {openJournal} from '../../../src/store/journal/journal.ts';
import type {BatchRecord} from '../../../src/store/journal/unfinished.ts';
import {type AnswerStore, openAnswerStore} from '../../../src/store/store.ts';
import {answerKey} from '../../../src/store/stored-answer.ts';
import type {Outcome} from '../../../src/teacher.ts';
import {about, fakeTeacher, labelled} from '../fake-teacher.ts';
import {labels, ok, payingTeacher, refusal} from '../paying-teacher.ts';
import {storeOver} from '../store-over.ts';
import {type BatchingTeacher, batchingTeacher, passing} from './batching-teacher.ts';

const numbers = (count: number): number[] => Array.from({length: count}, (_, index) => index + 1);
const answered = (...all: readonly number[]) => all.map(labelled);
const keysOf = (...all: readonly number[]) => about(...all).map(query => answerKey(payingTeacher().identity, query));
const errorsIn = (outcomes: readonly Outcome[]): unknown[] =>
  outcomes.map(outcome => ('error' in outcome ? outcome.error : undefined));

/** A folder that runs share. */
async function place() {
  return {folder: await mkdtemp(join(tmpdir(), 'limbeck-lane-')), store: openAnswerStore({store: new Map()})};
}

interface Run {
  readonly lane?: {readonly detached?: boolean; readonly cancel?: boolean} | false;
  readonly budget?: readonly BudgetLimit[];
  readonly store?: AnswerStore;
  readonly stop?: AbortSignal;
  readonly retryQuarantined?: boolean;
  readonly sleep?: () => Promise<void>;
}

interface Ran {
  readonly outcomes: readonly Outcome[];
  readonly ledger: LedgerSnapshot;
  readonly left: readonly BatchRecord[];
  readonly spent: number;
}

/** One run of a program, with a journal of its own, over what earlier runs left. */
async function run(
  {folder, store}: Awaited<ReturnType<typeof place>>,
  teacher: BatchingTeacher,
  asked: readonly number[],
  {lane = {}, budget: limits = [], stop, sleep = async () => {}, ...options}: Run = {},
): Promise<Ran> {
  const journal = await openJournal(folder);
  const [ledger, budget] = [createLedger(), createBudget(limits)];
  const chosen = lane && {lane: {...lane, sleep}};
  try {
    const layered = stack(teacher, {store, journal, ledger, budget, ...chosen, ...options});
    const outcomes = await layered.ask(about(...asked), stop ? {stop} : {});
    return {outcomes, ledger: ledger.snapshot(), left: journal.batches.all(), spent: budget.spent.usd};
  } finally {
    await journal.close();
  }
}

/** The same, one by one. */
const oneByOne = {lane: false} as const;

describe('withLane', () => {
  it('asks about the first query by itself, hands the others over, and joins their replies by id', async () => {
    const teacher = batchingTeacher();
    const {outcomes, ledger, left} = await run(await place(), teacher, numbers(6));
    expect(outcomes).toEqual(answered(1, 2, 3, 4, 5, 6));
    expect(teacher.requests).toEqual([[1]]);
    expect(teacher.batches.map(batch => batch.numbers)).toEqual([[2, 3, 4, 5, 6]]);
    expect(teacher.batches[0]!.ids).toEqual(keysOf(2, 3, 4, 5, 6));
    expect(ledger).toMatchObject({asked: 6, bought: 6, cached: 0, calls: 6, inputTokens: 60});
    expect(left).toEqual([]);
  });

  it('charges half in a batch', async () => {
    const {ledger, spent} = await run(await place(), batchingTeacher(), numbers(6));
    // 10 tokens each at a dollar a million.
    expect(ledger.usd).toBeCloseTo(10e-6 + 5 * 5e-6, 12);
    expect(spent).toBeCloseTo(ledger.usd!, 12);
  });

  it('submits a single query without sending one ahead', async () => {
    const teacher = batchingTeacher();
    expect((await run(await place(), teacher, [4])).outcomes).toEqual(answered(4));
    expect(teacher.requests).toEqual([]);
    expect(teacher.batches).toHaveLength(1);
  });

  it('keeps within the most requests and the most bytes of a batch', async () => {
    const byCount = batchingTeacher({lane: {maxRequests: 3}});
    expect((await run(await place(), byCount, numbers(8))).outcomes).toEqual(answered(...numbers(8)));
    expect(byCount.batches.map(batch => batch.numbers)).toEqual([[2, 3, 4], [5, 6, 7], [8]]);
    const line = JSON.stringify({id: keysOf(1)[0], number: 1}).length;
    const byBytes = batchingTeacher({lane: {maxBytes: 2 * (line + 1)}});
    expect((await run(await place(), byBytes, numbers(6))).outcomes).toEqual(answered(...numbers(6)));
    expect(byBytes.batches.map(batch => batch.numbers)).toEqual([[2, 3], [4, 5], [6]]);
  });

  it('leaves out a query whose line no batch can hold, and asks about the others', async () => {
    const line = JSON.stringify({id: keysOf(1)[0], number: 1}).length;
    const teacher = batchingTeacher({lane: {maxBytes: line + 1}});
    const {outcomes} = await run(await place(), teacher, [1, 2, 1000, 3]);
    expect(errorsIn(outcomes)).toEqual([undefined, undefined, expect.any(TeacherError), undefined]);
    expect((outcomes[2] as {error: Error}).error.message).toContain('Shorten it');
  });

  it('writes a batch down before it is submitted, and its id when that is known', async () => {
    const at = await place();
    const seen: (readonly BatchRecord[])[] = [];
    const journal = await openJournal(at.folder);
    const inner = batchingTeacher().service.lane;
    const teacher = batchingTeacher({
      lane: {
        submit: async batch => {
          seen.push(journal.batches.all());
          return inner.submit(batch);
        },
        poll: async id => {
          seen.push(journal.batches.all());
          return inner.poll(id);
        },
        collect: id => inner.collect(id),
      },
    });
    await stack(teacher, {store: at.store, journal, lane: {sleep: async () => {}}}).ask(about(1, 2, 3));
    expect(seen[0]).toMatchObject([{attempt: 1, keys: keysOf(2, 3), teacher: 'a payer'}]);
    expect(seen[0]![0]!.id).toBeUndefined();
    expect(seen[1]).toMatchObject([{name: seen[0]![0]!.name, id: 'batch-1'}]);
    expect(journal.batches.all()).toEqual([]);
    await journal.close();
  });

  it('has one cache with requests one by one', async () => {
    const at = await place();
    const teacher = batchingTeacher();
    await run(at, teacher, [1, 2], oneByOne);
    await run(at, teacher, numbers(4));
    expect(teacher.batches.map(batch => batch.numbers)).toEqual([[4]]);
    const again = await run(at, teacher, numbers(4), oneByOne);
    expect(again.outcomes).toEqual(answered(...numbers(4)));
    expect(again.ledger).toMatchObject({bought: 0, cached: 4, calls: 0});
    const stored = await at.store.get(keysOf(4)[0]!);
    expect(stored).toMatchObject({reader: 1, receipt: {model: 'fake-1', usage: {inputTokens: 10}}});
    const journal = await openJournal(at.folder);
    expect(await journal.read(stored!.reply!)).toMatchObject({keys: keysOf(4), reply: labels([4])});
    await journal.close();
  });
});

describe('a batch that is left', () => {
  it('is collected by a later run, and never submitted twice', async () => {
    const at = await place();
    const teacher = batchingTeacher({looks: 3});
    const first = await run(at, teacher, numbers(5), {lane: {detached: true}});
    expect(errorsIn(first.outcomes)).toEqual([undefined, ...new Array(4).fill(expect.any(PendingError))]);
    expect(first.left).toMatchObject([{id: 'batch-1'}]);
    const second = await run(at, teacher, numbers(5), {lane: {detached: true}});
    expect(errorsIn(second.outcomes).filter(Boolean)).toHaveLength(4);
    const third = await run(at, teacher, numbers(7));
    expect(third.outcomes).toEqual(answered(...numbers(7)));
    expect(third.ledger).toMatchObject({bought: 6, cached: 1});
    expect(teacher.batches.map(batch => batch.numbers)).toEqual([[2, 3, 4, 5], [7]]);
    expect(third.left).toEqual([]);
  });

  it('is collected whole, though only one of its queries is asked', async () => {
    const at = await place();
    const teacher = batchingTeacher({looks: 2});
    await run(at, teacher, numbers(4), {lane: {detached: true}});
    expect((await run(at, teacher, [3])).outcomes).toEqual(answered(3));
    const rest = await run(at, teacher, numbers(4));
    expect(rest.outcomes).toEqual(answered(...numbers(4)));
    expect(teacher.batches).toHaveLength(1);
    expect(teacher.requests).toEqual([[1]]);
  });

  it('keeps a run that is stopped from losing anything', async () => {
    const at = await place();
    const teacher = batchingTeacher({looks: 5});
    const controller = new AbortController();
    const stopping = run(at, teacher, numbers(3), {
      stop: controller.signal,
      sleep: async () => {
        controller.abort();
        controller.signal.throwIfAborted();
      },
    });
    await expect(stopping).rejects.toMatchObject({name: 'AbortError'});
    expect((await run(at, teacher, numbers(3))).outcomes).toEqual(answered(1, 2, 3));
    expect(teacher.batches).toHaveLength(1);
  });

  it('is collected by a run that asks one by one, and not asked about before it has ended', async () => {
    const at = await place();
    const teacher = batchingTeacher({looks: 2});
    await run(at, teacher, numbers(3), {lane: {detached: true}});
    const early = await run(at, teacher, [1, 2, 3, 4], oneByOne);
    expect(errorsIn(early.outcomes).map(error => (error as Error | undefined)?.message)).toEqual([
      undefined,
      expect.stringMatching(/It is in batch batch-1.*--lane batch/),
      expect.any(String),
      undefined,
    ]);
    const later = await run(at, teacher, [1, 2, 3, 4], oneByOne);
    expect(later.outcomes).toEqual(answered(1, 2, 3, 4));
    expect(teacher.requests).toEqual([[1], [4]]);
    expect(later.left).toEqual([]);
  });

  it('is read from the journal if its answers could not be kept', async () => {
    const at = await place();
    const teacher = batchingTeacher();
    const full = storeOver(at.store, {
      setMany: async entries => {
        if (entries.length > 1) throw new AnswerStoreError('The disk is full.');
        return at.store.setMany(entries);
      },
    });
    await expect(run(at, teacher, numbers(4), {store: full})).rejects.toThrow('The disk is full.');
    const next = await run(at, teacher, numbers(4));
    expect(next.outcomes).toEqual(answered(...numbers(4)));
    expect(teacher.batches).toHaveLength(1);
    expect(next.left).toEqual([]);
    const journal = await openJournal(at.folder);
    expect(journal.recovered).toMatchObject({inDoubt: [], replies: new Map()});
    await journal.close();
  });

  it('that the service does not know any more names the file to delete', async () => {
    const at = await place();
    await run(at, batchingTeacher({looks: 9}), numbers(3), {lane: {detached: true}});
    const forgetful = batchingTeacher();
    await expect(run(at, forgetful, numbers(3))).rejects.toThrow(
      /no batch batch-1.*delete .*\/batches\/limbeck-.*json/s,
    );
    const emptied = batchingTeacher({lane: {poll: async () => ({isEnded: true, done: 2})}});
    await expect(run(at, emptied, numbers(3))).rejects.toThrow(/no batch batch-1.*delete .*json/s);
  });
});

describe('a handing-over of which nobody knows whether it arrived', () => {
  /** As a process leaves it that was killed in between. */
  async function leave(folder: string, name: string, ...all: readonly number[]): Promise<void> {
    const journal = await openJournal(folder);
    const plannedAt = new Date(Date.now() - 60_000).toISOString();
    await journal.batches.write({format: 1, name, teacher: 'a payer', plannedAt, attempt: 1, keys: keysOf(...all)});
    await journal.close();
  }

  it('is found by its name, and not made again', async () => {
    const at = await place();
    const teacher = batchingTeacher();
    const lines = [2, 3].map(number => JSON.stringify({id: keysOf(number)[0], number}));
    await teacher.service.lane.submit({name: 'limbeck-lost', lines});
    await leave(at.folder, 'limbeck-lost', 2, 3);
    const {outcomes, left} = await run(at, teacher, numbers(3));
    expect(outcomes).toEqual(answered(1, 2, 3));
    expect(teacher.batches.map(batch => batch.numbers)).toEqual([[2, 3], [1]]);
    expect(left).toEqual([]);
  });

  it('is made again if the service has no such batch', async () => {
    const at = await place();
    const teacher = batchingTeacher();
    await leave(at.folder, 'limbeck-lost', 2, 3);
    expect((await run(at, teacher, numbers(3))).outcomes).toEqual(answered(1, 2, 3));
    expect(teacher.batches.map(batch => batch.numbers).sort()).toEqual([[1], [2, 3]]);
  });

  it('is looked for again if it was taken for another one', async () => {
    const at = await place();
    const inner = batchingTeacher();
    const submit = (name: string, ...all: readonly number[]) =>
      inner.service.lane.submit({name, lines: all.map(number => JSON.stringify({id: keysOf(number)[0], number}))});
    await submit('foreign', 8, 9);
    await submit('limbeck-lost', 2, 3);
    const guesses = ['batch-1', 'batch-2'];
    const teacher = batchingTeacher({lane: {...inner.service.lane, find: async () => guesses.shift()}});
    await leave(at.folder, 'limbeck-lost', 2, 3);
    expect((await run(at, teacher, numbers(3))).outcomes).toEqual(answered(1, 2, 3));
    expect(inner.batches.map(batch => batch.numbers)).toEqual([[8, 9], [2, 3], [1]]);
    guesses.push('batch-1', 'batch-2');
    await leave(at.folder, 'limbeck-other', 5, 6);
    inner.batches[1] = {...inner.batches[1]!, ids: keysOf(5, 6), numbers: [5, 6]};
    expect((await run(at, teacher, [5, 6], oneByOne)).outcomes).toEqual(answered(5, 6));
    expect(guesses).toEqual([]);
    expect(teacher.requests).toEqual([]);
  });

  it('is looked for at once if its reply did not come', async () => {
    const inner = batchingTeacher();
    const lost = new TeacherError('a payer', 'The connection failed.', {retryable: true, inDoubt: true});
    const teacher = batchingTeacher({
      lane: {
        ...inner.service.lane,
        submit: async batch => {
          await inner.service.lane.submit(batch);
          throw lost;
        },
      },
    });
    const {outcomes, ledger} = await run(await place(), teacher, numbers(3));
    expect(outcomes).toEqual(answered(1, 2, 3));
    expect(inner.batches).toHaveLength(1);
    expect(ledger).toMatchObject({bought: 3, inDoubt: 0});
  });

  it('that the service refuses leaves nothing behind', async () => {
    const at = await place();
    const refused = new TeacherError('a payer', 'It answered 400.', {status: 400});
    const teacher = batchingTeacher({lane: {submit: () => Promise.reject(refused)}});
    await expect(run(at, teacher, numbers(3))).rejects.toThrow('It answered 400.');
    const {left, spent} = await run(at, batchingTeacher(), [1]);
    expect({left, spent}).toEqual({left: [], spent: 0});
  });

  it('is tried again after a failure that may pass', async () => {
    const inner = batchingTeacher();
    let failures = 2;
    const teacher = batchingTeacher({
      lane: {
        ...inner.service.lane,
        submit: async batch => {
          if (failures-- > 0) throw passing(503);
          return inner.service.lane.submit(batch);
        },
      },
    });
    expect((await run(await place(), teacher, numbers(3))).outcomes).toEqual(answered(1, 2, 3));
    expect(inner.batches).toHaveLength(1);
  });
});

describe('what fails in a batch', () => {
  it('is asked again alone, while what was finished is kept', async () => {
    const at = await place();
    const teacher = batchingTeacher({
      // The batch expires before the last ones: two are told of, one is not.
      respond: (number, batch) => (batch > 1 || number < 4 ? labels([number]) : number === 6 ? undefined : passing()),
    });
    const {outcomes, ledger} = await run(at, teacher, numbers(6));
    expect(outcomes).toEqual(answered(...numbers(6)));
    expect(teacher.batches.map(batch => batch.numbers)).toEqual([
      [2, 3, 4, 5, 6],
      [4, 5, 6],
    ]);
    expect(ledger).toMatchObject({bought: 6, calls: 9});
  });

  it('is kept to the next batch by a run that waits for nothing', async () => {
    const at = await place();
    const teacher = batchingTeacher({
      respond: (number, batch) => (batch > 1 || number < 4 ? labels([number]) : passing()),
    });
    for (let runs = 0; runs < 4; runs++) await run(at, teacher, numbers(5), {lane: {detached: true}});
    expect((await run(at, teacher, numbers(5), oneByOne)).ledger).toMatchObject({cached: 5, calls: 0});
    expect(teacher.batches.map(batch => batch.numbers)).toEqual([
      [2, 3, 4, 5],
      [4, 5],
    ]);
  });

  it('is reported for itself if asking again is of no use', async () => {
    const at = await place();
    const bad = new TeacherError('a payer', 'It answered 400.', {status: 400});
    const teacher = batchingTeacher({respond: number => (number === 3 ? bad : labels([number]))});
    const {outcomes, left} = await run(at, teacher, numbers(4));
    expect(errorsIn(outcomes)).toEqual([undefined, undefined, bad, undefined]);
    expect(teacher.batches).toHaveLength(1);
    expect(left).toEqual([]);
  });

  it('is given up after three batches', async () => {
    const teacher = batchingTeacher({respond: number => (number === 3 ? passing() : labels([number]))});
    const {outcomes} = await run(await place(), teacher, numbers(3));
    expect(errorsIn(outcomes)).toEqual([undefined, undefined, passing()]);
    expect(teacher.batches.map(batch => batch.numbers)).toEqual([[2, 3], [3], [3]]);
  });

  it('is quarantined after a second answer that can’t be read', async () => {
    const at = await place();
    const teacher = batchingTeacher({respond: number => (number === 3 ? ok({labels: [7]}) : labels([number]))});
    const first = await run(at, teacher, numbers(4));
    expect(errorsIn(first.outcomes)).toEqual([undefined, undefined, expect.any(TeacherError), undefined]);
    expect(first.ledger).toMatchObject({bought: 3, setAside: 1});
    expect(teacher.batches.map(batch => batch.numbers)).toEqual([[2, 3, 4], [3]]);
    const second = await run(at, teacher, numbers(4));
    expect(String(errorsIn(second.outcomes)[2])).toContain('It is quarantined');
    expect(teacher.batches).toHaveLength(2);
    await run(at, teacher, numbers(4), {retryQuarantined: true});
    expect(teacher.batches.slice(2).map(batch => batch.numbers)).toEqual([[3], [3]]);
    const journal = await openJournal(at.folder);
    expect(journal.recovered.replies.size).toBe(0);
    expect(journal.quarantined.size).toBe(1);
    await journal.close();
  });

  it('is the whole batch if the service can’t take it', async () => {
    const inner = batchingTeacher();
    const failure = new TeacherError('a payer', 'Batch batch-1 was refused.');
    const teacher = batchingTeacher({
      lane: {...inner.service.lane, poll: async () => ({isEnded: true, done: 0, failure})},
    });
    const {outcomes, left} = await run(await place(), teacher, numbers(3));
    expect(errorsIn(outcomes)).toEqual([undefined, failure, failure]);
    expect(left).toEqual([]);
  });

  it('for want of room waits for the batches that got through, as often as one does', async () => {
    const inner = batchingTeacher({lane: {maxRequests: 2}});
    const full = passing(429);
    const teacher = batchingTeacher({
      lane: {
        ...inner.service.lane,
        // One batch at a time: all that are submitted beside it are refused.
        poll: async id => {
          const open = inner.batches.filter(batch => batch.looks === 1);
          const batch = inner.batches.find(other => other.id === id)!;
          const isFirst = open[0] === batch;
          // It is under way at least until all five of the first round were submitted.
          do await new Promise(resolve => setTimeout(resolve, 5));
          while (isFirst && inner.batches.length < 5);
          batch.looks = 0;
          return {isEnded: true, done: 0, ...(!isFirst && {failure: full})};
        },
      },
    });
    const {outcomes} = await run(await place(), teacher, numbers(11));
    expect(outcomes).toEqual(answered(...numbers(11)));
    expect(inner.batches.length).toBeGreaterThan(5);
  });
});

describe('a handing-over that the service has no room for', () => {
  it('is made again when others have ended', async () => {
    const inner = batchingTeacher();
    const teacher = batchingTeacher({
      lane: {
        ...inner.service.lane,
        maxRequests: 2,
        submit: async batch => {
          if (inner.batches.some(({looks}) => looks > 0)) throw passing(429);
          return inner.service.lane.submit(batch);
        },
      },
    });
    const {outcomes, left} = await run(await place(), teacher, numbers(7));
    expect(outcomes).toEqual(answered(...numbers(7)));
    expect(inner.batches.map(batch => batch.numbers.length)).toEqual([2, 2, 2]);
    expect(left).toEqual([]);
  });

  it('is not even tried beyond the limit that the teacher states, and follows as soon as a batch ends', async () => {
    const inner = batchingTeacher();
    const open = new Map<string, number>();
    const seen: number[] = [];
    const lane = {
      ...inner.service.lane,
      maxRequests: 10,
      submit: async (batch: NewBatch) => {
        const id = await inner.service.lane.submit(batch);
        open.set(id, batch.lines.length);
        seen.push([...open.values()].reduce((sum, lines) => sum + lines, 0));
        return id;
      },
      // A batch ends when the limit is reached, or none is to come.
      poll: async (id: string) => {
        await new Promise(resolve => setTimeout(resolve, 1));
        const isEnded = open.size === 4 || inner.batches.length === 50;
        if (isEnded) open.delete(id);
        return {isEnded, done: 0};
      },
    };
    const teacher = {...inner, service: {...inner.service, rate: {enqueuedRequests: 40}, lane}};
    const {outcomes} = await run(await place(), teacher, numbers(501));
    expect(outcomes).toEqual(answered(...numbers(501)));
    expect(inner.batches).toHaveLength(50);
    expect(Math.max(...seen)).toBe(40);
    // From the fourth batch on, another one is always there when one ends.
    expect(seen.slice(3)).toEqual(new Array(47).fill(40));
  });

  it('sends a batch that alone is too large again in two halves', async () => {
    const inner = batchingTeacher();
    const lane = {
      ...inner.service.lane,
      submit: (batch: NewBatch) =>
        batch.lines.length > 7 ? Promise.reject(passing(429)) : inner.service.lane.submit(batch),
    };
    const {outcomes} = await run(await place(), {...inner, service: {...inner.service, lane}}, numbers(21));
    expect(outcomes).toEqual(answered(...numbers(21)));
    expect(inner.batches.map(batch => batch.numbers.length)).toEqual([5, 5, 5, 5]);
  });

  it('is tried again without what the budget did not cover', async () => {
    const inner = batchingTeacher();
    let refusals = 0;
    const submit = (batch: NewBatch) =>
      refusals++ < 4 ? Promise.reject(passing(429)) : inner.service.lane.submit(batch);
    const teacher = batchingTeacher({lane: {...inner.service.lane, submit}});
    const {outcomes} = await run(await place(), teacher, numbers(9), {budget: [{usd: 50e-6}]});
    expect(outcomes.slice(0, 5)).toEqual(answered(...numbers(5)));
    expect(errorsIn(outcomes).slice(5)).toEqual(new Array(4).fill(expect.any(BudgetError)));
    expect(inner.batches.flatMap(batch => batch.numbers)).toEqual([2, 3, 4, 5]);
  });

  it('is left to a later run by one that waits for nothing', async () => {
    const teacher = batchingTeacher({lane: {submit: () => Promise.reject(passing(429))}});
    const {outcomes} = await run(await place(), teacher, numbers(3), {lane: {detached: true}});
    expect(errorsIn(outcomes)).toEqual([undefined, expect.any(PendingError), expect.any(PendingError)]);
  });

  it('fails if none gets through', async () => {
    const teacher = batchingTeacher({lane: {submit: () => Promise.reject(passing(429))}});
    const {outcomes, left} = await run(await place(), teacher, numbers(3));
    expect(errorsIn(outcomes)).toEqual([undefined, passing(429), passing(429)]);
    expect(left).toEqual([]);
  });
});

describe('a budget by batches', () => {
  it('lets through as many as it holds at half the price', async () => {
    const at = await place();
    const teacher = batchingTeacher();
    // A request comes to 20e-6 at most; in a batch to half of that.
    const budget = [{usd: 50e-6}];
    const {outcomes, spent} = await run(at, teacher, numbers(9), {budget});
    expect(teacher.batches.map(batch => batch.numbers)).toEqual([[2, 3, 4, 5]]);
    expect(errorsIn(outcomes).slice(5)).toEqual(new Array(4).fill(expect.any(BudgetError)));
    expect(spent).toBeLessThanOrEqual(50e-6);
    expect(teacher.requests).toEqual([[1]]);
  });

  it('submits nothing if nothing fits', async () => {
    const teacher = batchingTeacher();
    const {outcomes} = await run(await place(), teacher, numbers(4), {budget: [{calls: 1}]});
    expect(errorsIn(outcomes)).toEqual([undefined, ...new Array(3).fill(expect.any(BudgetError))]);
    expect(teacher.batches).toEqual([]);
  });

  it('counts a batch that is left with the most that it can come to', async () => {
    const {spent} = await run(await place(), batchingTeacher({looks: 9}), numbers(4), {
      lane: {detached: true},
      budget: [{usd: 1}],
    });
    expect(spent).toBeCloseTo(10e-6 + 3 * 10e-6, 12);
  });
});

describe('the queries that go ahead', () => {
  it('stop everything if the service refuses them', async () => {
    const teacher = batchingTeacher({teacher: payingTeacher(() => refusal(401))});
    await expect(run(await place(), teacher, numbers(9))).rejects.toThrow('It answered 401.');
    expect(teacher.batches).toEqual([]);
  });

  it('are five at most, and nothing is submitted if none is answered', async () => {
    const teacher = batchingTeacher({teacher: payingTeacher(() => ok({labels: [9]}))});
    await expect(run(await place(), teacher, numbers(9))).rejects.toThrow(/none of 5 queries.*nothing was submitted/);
    expect(teacher.batches).toEqual([]);
    expect(new Set(teacher.requests.flat())).toEqual(new Set(numbers(5)));
  });

  it('end with the first that is answered', async () => {
    const odd = payingTeacher(all => (all[0] === 3 ? labels(all) : ok({labels: [9]})));
    const teacher = batchingTeacher({teacher: odd});
    const {outcomes} = await run(await place(), teacher, numbers(6));
    expect(teacher.batches.map(batch => batch.numbers)).toEqual([[4, 5, 6]]);
    expect(errorsIn(outcomes).filter(Boolean)).toHaveLength(2);
  });
});

describe('cancelling', () => {
  it('collects what is finished, and submits nothing', async () => {
    const at = await place();
    const teacher = batchingTeacher({looks: 99, respond: number => (number < 3 ? labels([number]) : passing())});
    await run(at, teacher, numbers(4), {lane: {detached: true}});
    const {outcomes, left} = await run(at, teacher, numbers(6), {lane: {cancel: true}});
    expect(errorsIn(outcomes)).toEqual([undefined, undefined, ...new Array(4).fill(expect.any(PendingError))]);
    expect(teacher.batches).toMatchObject([{isCancelled: true, numbers: [2, 3, 4]}]);
    expect(left).toEqual([]);
  });
});

describe('LaneWatch', () => {
  it('adds up the batches that are waited for', () => {
    const watch = new LaneWatch();
    expect(watch.describe()).toBeUndefined();
    watch.saw('one', 40_000, 1000);
    expect(watch.describe()).toBe('a batch under way, 1,000 of 40,000 requests done');
    watch.saw('two', 10_000, 0);
    watch.saw('one', 40_000, 1234);
    expect(watch.describe()).toBe('2 batches under way, 1,234 of 50,000 requests done');
    watch.waits(1);
    expect(watch.describe()).toBe('2 batches under way, 1,234 of 50,000 requests done, a batch waits for room');
    watch.waits(2);
    expect(watch.describe()).toMatch(/, 3 batches wait for room$/);
    watch.left('one');
    watch.left('two');
    expect(watch.describe()).toBeUndefined();
  });
});

const local = fakeTeacher({access: 'black-box', detail: {kind: 'votes'}}, () => []);

describe('checkLanes', () => {
  it('lets pass what has a lane, and what needs none since it runs in this process', () => {
    checkLanes(batchingTeacher());
    checkLanes(local);
    checkLanes(cascade([local, batchingTeacher()], {confidence: 0.9}));
  });

  it('names the teacher without one, among the parts of another as well', () => {
    const other = payingTeacher(undefined, {name: 'a shop', identity: {service: 'shop'}});
    expect(() => checkLanes(other)).toThrow(InputError);
    const whole = ensemble([batchingTeacher(), other]);
    expect(() => checkLanes(whole)).toThrow(/Teacher a shop has no batch lane.*openai, anthropic and gemini/);
  });
});

describe('the price of a lane', () => {
  it('is its share of every part of the service’s price', () => {
    const {lane} = batchingTeacher().service;
    const price = {perCall: 2, perMillionInputTokens: 3, perMillionOutputTokens: 8};
    expect(lanePrice({price}, lane)).toEqual({perCall: 1, perMillionInputTokens: 1.5, perMillionOutputTokens: 4});
    expect(lanePrice({}, lane)).toBeUndefined();
  });

  it('is the service’s own if there is no lane', () => {
    const teacher = payingTeacher();
    expect(laneOf(teacher)).toBeUndefined();
    expect(atLanePrice(teacher)).toBe(teacher);
    expect(atLanePrice(batchingTeacher()).service?.price).toMatchObject({perMillionInputTokens: 0.5});
  });
});
