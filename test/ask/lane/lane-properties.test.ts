import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {stack} from '../../../src/ask/teacher-stack.ts';
import {AnswerStoreError, TeacherError} from '../../../src/errors.ts';
import {openJournal} from '../../../src/store/journal/journal.ts';
import {openAnswerStore} from '../../../src/store/store.ts';
import type {Reply} from '../../../src/teacher.ts';
import {about, labelled} from '../fake-teacher.ts';
import {labels, payingTeacher} from '../paying-teacher.ts';
import {storeOver} from '../store-over.ts';
import {batchingTeacher, passing} from './batching-teacher.ts';

/** The outcome of submitting one batch: taken, taken without a word, or not taken. */
const handing = fc.constantFrom('taken', 'taken', 'silent', 'refused', 'full');

/** The outcome of one request in a batch. */
const row = fc.constantFrom('answered', 'answered', 'answered', 'failed', 'expired', 'untold');

/** How one run goes: to its end, away from what is under way, stopped at its n-th wait, into a full disk, one by one. */
const way = fc.oneof(
  fc.constant({kind: 'waits'} as const),
  fc.constant({kind: 'detached'} as const),
  fc.constant({kind: 'one by one'} as const),
  fc.record({kind: fc.constant('stops' as const), at: fc.integer({min: 0, max: 4})}),
  fc.record({kind: fc.constant('fills the disk' as const), at: fc.integer({min: 0, max: 3})}),
);

type Way = (typeof way extends fc.Arbitrary<infer T> ? T : never) | {readonly kind: 'waits'};

describe('withLane', () => {
  it('gets every answer in the end, and pays for none twice, whatever happens on the way', async () => {
    const script = fc.record({
      queries: fc.integer({min: 1, max: 12}),
      most: fc.integer({min: 1, max: 5}),
      handings: fc.array(handing, {maxLength: 12}),
      rows: fc.array(row, {maxLength: 40}),
      ways: fc.array(way, {maxLength: 5}),
    });
    await fc.assert(
      fc.asyncProperty(script, async ({queries, most, handings, rows, ways}) => {
        const folder = await mkdtemp(join(tmpdir(), 'limbeck-lane-properties-'));
        const store = openAnswerStore({store: new Map()});
        const paid = new Map<number, number>();
        const pay = (number: number): Reply => {
          paid.set(number, (paid.get(number) ?? 0) + 1);
          return labels([number]);
        };
        const [nextHanding, nextRow] = [handings[Symbol.iterator](), rows[Symbol.iterator]()];
        /** What the service makes of a batch as soon as it has it, whether it is ever asked for it or not. */
        const outcomes = new Map<string, Reply | Error | undefined>();
        const inner = batchingTeacher({
          teacher: payingTeacher(([number]) => pay(number!), {maxBatch: 1}),
          respond: (number, batch) => outcomes.get(`${batch} ${number}`),
        });
        const workOut = (number: number, batch: number): void => {
          const kind = nextRow.next().value ?? 'answered';
          const failure = new TeacherError('a payer', 'It was not come to.', {retryable: true});
          const outcome = {answered: undefined, failed: passing(), expired: failure, untold: undefined}[kind];
          outcomes.set(`${batch} ${number}`, kind === 'answered' ? pay(number) : outcome);
        };
        const lane = {
          ...inner.service.lane,
          maxRequests: most,
          submit: async (batch: Parameters<typeof inner.service.lane.submit>[0]) => {
            const kind = nextHanding.next().value ?? 'taken';
            if (kind === 'refused') throw passing(503);
            if (kind === 'full') throw passing(429);
            const id = await inner.service.lane.submit(batch);
            for (const number of inner.batches.at(-1)!.numbers) workOut(number, inner.batches.length);
            if (kind === 'taken') return id;
            throw new TeacherError('a payer', 'The connection failed.', {retryable: true, inDoubt: true});
          },
        };
        const teacher = {...inner, service: {...inner.service, lane}};
        const asked = Array.from({length: queries}, (_, index) => index + 1);

        const run = async (chosen: Way) => {
          const journal = await openJournal(folder);
          const stop = new AbortController();
          let [waits, writes] = [0, 0];
          const sleep = async () => {
            if (chosen.kind === 'stops' && waits++ >= chosen.at) stop.abort();
            stop.signal.throwIfAborted();
          };
          const filling = storeOver(store, {
            setMany: async entries => {
              if (chosen.kind === 'fills the disk' && entries.length > 0 && writes++ >= chosen.at) {
                throw new AnswerStoreError('The disk is full.');
              }
              return store.setMany(entries);
            },
          });
          const choice = chosen.kind === 'one by one' ? {} : {lane: {sleep, detached: chosen.kind === 'detached'}};
          try {
            return await stack(teacher, {store: filling, journal, ...choice}).ask(about(...asked), {stop: stop.signal});
          } catch (error) {
            return error;
          } finally {
            await journal.close();
          }
        };

        for (const chosen of ways) await run(chosen);
        for (let runs = 0; runs < 20 && paid.size < queries; runs++) await run({kind: 'waits'});
        const last = await run({kind: 'waits'});
        const journal = await openJournal(folder);
        expect(last).toEqual(asked.map(labelled));
        expect([...paid.values()].filter(times => times !== 1)).toEqual([]);
        expect(journal.batches.all()).toEqual([]);
        expect(journal.recovered).toEqual({inDoubt: [], replies: new Map()});
        await journal.close();
        await rm(folder, {recursive: true});
      }),
      {
        numRuns: 60,
        examples: [[{queries: 1, most: 1, handings: ['full', 'refused', 'full', 'full'], rows: [], ways: []}]],
      },
    );
  }, 120_000);
});
