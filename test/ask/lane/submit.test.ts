import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {createBudget} from '../../../src/ask/budget/budget.ts';
import type {BudgetLimit} from '../../../src/ask/budget/limit.ts';
import {createLedger} from '../../../src/ask/ledger.ts';
import {stack} from '../../../src/ask/teacher-stack.ts';
import {AnswerStoreError, BudgetError, TeacherError} from '../../../src/errors.ts';
import {type Journal, openJournal} from '../../../src/store/journal/journal.ts';
import type {BatchRecord} from '../../../src/store/journal/unfinished.ts';
import {openAnswerStore} from '../../../src/store/store.ts';
import type {Reply} from '../../../src/teacher.ts';
import {about} from '../fake-teacher.ts';
import {labels, ok, payingTeacher} from '../paying-teacher.ts';
import {type BatchingTeacher, batchingTeacher, passing} from './batching-teacher.ts';

const numbers = (count: number): number[] => Array.from({length: count}, (_, index) => index + 1);
const using = (number: number, tokens: unknown): Reply => ok({labels: [number % 3], tokens});

interface Run {
  readonly limits?: readonly BudgetLimit[];
  /** Changes what the journal does. */
  readonly failing?: (journal: Journal) => Partial<Journal>;
  readonly detached?: boolean;
  readonly sleep?: () => Promise<void>;
}

/** One run of a program: what was spent, said and answered, and what it ended with. */
async function run(teacher: BatchingTeacher, count: number, {limits = [], failing = () => ({}), ...lane}: Run = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'limbeck-funds-'));
  const opened = await openJournal(folder);
  const journal = new Proxy(opened, {
    get(target, name) {
      const value = {...failing(opened)}[name as keyof Journal] ?? target[name as keyof Journal];
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const notes: string[] = [];
  const [ledger, budget] = [createLedger(), createBudget(limits, note => notes.push(note))];
  const store = openAnswerStore({store: new Map()});
  const choice = {sleep: async () => {}, ...lane};
  const options = {store, journal, ledger, budget, lane: choice, onNote: (note: string) => notes.push(note)};
  const receipt = ({body}: Reply) => {
    const {tokens} = JSON.parse(body) as {readonly tokens: number};
    return {usage: {inputTokens: tokens, outputTokens: 0}};
  };
  const ended = await stack({...teacher, service: {...teacher.service, receipt}}, options)
    .ask(about(...numbers(count)))
    .catch((error: Error) => error);
  const refused = Array.isArray(ended)
    ? ended.filter(outcome => 'error' in outcome && outcome.error instanceof BudgetError).length
    : 0;
  await opened.close();
  await rm(folder, {recursive: true});
  return {ended, refused, spent: budget.spent, ledger: ledger.snapshot(), notes};
}

describe('what is reserved for a batch', () => {
  it('is settled request by request: a reply counts as what it says, a failure as no tokens', async () => {
    const respond = (number: number) => (number === 2 ? new TeacherError('a payer', 'No.') : labels([number]));
    const {spent} = await run(batchingTeacher({respond}), 5);
    // The first goes ahead at 10 tokens; three are answered in the batch, one is not.
    expect(spent).toMatchObject({calls: 5, tokens: 40});
  });

  it('counts as the worst case if a reply does not say what it used, or says what makes no sense', async () => {
    const said = [-50, 'ten', undefined, 0.5];
    const respond = (number: number) => using(number, said[number - 2]);
    const {spent, ledger, notes} = await run(batchingTeacher({respond}), 5);
    expect(spent.tokens).toBe(10 + 4 * 15);
    expect(ledger).toMatchObject({inputTokens: 10 + 40, outputTokens: 20});
    expect(spent.usd).toBeCloseTo(ledger.usd!, 12);
    expect(new Set(notes).size).toBe(1);
  });

  it('is raised for later submissions by one reply that used more than it may', async () => {
    // The batch as a whole uses less than was reserved for it: only one reply of it is over its own part.
    const respond = (number: number, batch: number) => {
      if (batch === 1 && number !== 2) return passing();
      return using(number, number === 2 ? 40 : 1);
    };
    const teacher = batchingTeacher({respond});
    const {spent, refused, notes} = await run(teacher, 6, {limits: [{tokens: 150}]});
    // Of the 100 that are left each takes four times 10, and 5.
    expect(teacher.batches.map(batch => batch.numbers)).toEqual([
      [2, 3, 4, 5, 6],
      [3, 4],
    ]);
    expect(refused).toBe(2);
    expect(spent.tokens).toBe(10 + 40 + 2);
    expect(notes).toEqual([expect.stringContaining('counted 4 times the tokens')]);
  });

  const full = new AnswerStoreError('The disk is full.');

  it('counts in full if the disk is full as its replies are written', async () => {
    let received = 0;
    const failing = (journal: Journal): Partial<Journal> => ({
      receive: async (...received_) => {
        if (++received === 2) throw full;
        return journal.receive(...received_);
      },
    });
    const {ended, spent} = await run(batchingTeacher(), 5, {failing});
    expect(ended).toBe(full);
    // One went ahead, two replies said what they used, and nobody knows of the other two.
    expect(spent.tokens).toBe(10 + 20 + 2 * 15);
  });

  it('counts in full if the service has a batch whose id can not be written down', async () => {
    const failing = (journal: Journal): Partial<Journal> => ({
      batches: Object.assign(Object.create(journal.batches) as Journal['batches'], {
        all: () => journal.batches.all(),
        remove: (record: BatchRecord) => journal.batches.remove(record),
        pathOf: (record: BatchRecord) => journal.batches.pathOf(record),
        write: async (record: BatchRecord) => {
          if (record.id !== undefined) throw full;
          await journal.batches.write(record);
        },
      }),
    });
    const {ended, spent} = await run(batchingTeacher(), 5, {failing});
    expect(ended).toBe(full);
    expect(spent.tokens).toBe(10 + 4 * 15);
  });

  it.each([
    ['may have taken it', 60, new TeacherError('a payer', 'It broke.', {retryable: true, inDoubt: true})],
    ['did not take it', 0, new TeacherError('a payer', 'It answered 400.', {status: 400})],
  ])('counts by whether the service took it, if it can not be submitted: it %s', async (_, tokens, error) => {
    const submit = async () => {
      throw error;
    };
    const {spent} = await run(batchingTeacher({lane: {submit, find: async () => undefined}}), 5);
    expect(spent.tokens).toBe(10 + tokens);
  });

  it('counts in full if the batch is not waited for', async () => {
    const {spent} = await run(batchingTeacher({looks: 3}), 5, {detached: true});
    expect(spent).toMatchObject({calls: 5, tokens: 10 + 4 * 15});
  });

  it('never lets a service pass a budget that charges all that it may, whatever becomes of its batches', async () => {
    const row = fc.constantFrom('answered', 'answered', 'silent', 'nonsense', 'failed', 'expired');
    const script = fc.record({
      queries: fc.integer({min: 1, max: 14}),
      most: fc.integer({min: 1, max: 5}),
      rows: fc.array(row, {minLength: 1, maxLength: 30}),
      handings: fc.array(fc.constantFrom('taken', 'taken', 'refused', 'silent'), {minLength: 1, maxLength: 8}),
      fillsAt: fc.option(fc.integer({min: 1, max: 12})),
      stopsAt: fc.option(fc.integer({min: 1, max: 6})),
      tokens: fc.integer({min: 15, max: 250}),
    });
    await fc.assert(
      fc.asyncProperty(script, async ({queries, most, rows, handings, fillsAt, stopsAt, tokens}) => {
        let [charged, next, handed, written, waits] = [0, 0, 0, 0, 0];
        /** The paying teacher of these tests counts input alone. */
        const pay = (number: number, said: unknown = 15): Reply => {
          charged += 15;
          return using(number, said);
        };
        const fates = new Map<string, Reply | Error | undefined>();
        const inner = batchingTeacher({
          teacher: payingTeacher(([number]) => pay(number!), {maxBatch: 1}),
          respond: (number, batch) => fates.get(`${batch} ${number}`),
        });
        const workOut = (number: number): Reply | Error | undefined => {
          const fate = rows[next++ % rows.length];
          if (fate === 'failed') return passing();
          if (fate === 'expired') return undefined;
          return pay(number, fate === 'silent' ? undefined : fate === 'nonsense' ? -15 : 15);
        };
        const submit: typeof inner.service.lane.submit = async batch => {
          const handing = handings[handed++ % handings.length];
          if (handing === 'refused') throw passing(503);
          const id = await inner.service.lane.submit(batch);
          for (const number of inner.batches.at(-1)!.numbers) {
            fates.set(`${inner.batches.length} ${number}`, workOut(number));
          }
          if (handing === 'taken') return id;
          throw new TeacherError('a payer', 'The connection failed.', {retryable: true, inDoubt: true});
        };
        const lane = {...inner.service.lane, maxRequests: most, submit};
        const worstCase = ({length}: {length: number}) => ({inputTokens: 15 * length, outputTokens: 0});
        const teacher = {...inner, service: {...inner.service, worstCase, lane}};
        const failing = (journal: Journal): Partial<Journal> => ({
          receive: async (keys, reply) => {
            if (++written === fillsAt) throw full;
            return journal.receive(keys, reply);
          },
        });
        const sleep = async () => {
          if (++waits === stopsAt) throw new DOMException('stopped', 'AbortError');
        };
        const {spent} = await run(teacher, queries, {limits: [{tokens}], failing, sleep});
        expect(charged).toBeLessThanOrEqual(spent.tokens);
        expect(spent.tokens).toBeLessThanOrEqual(tokens);
      }),
      {numRuns: 100},
    );
  }, 60_000);
});
