import {KnowledgeError} from '../../errors.ts';
import type {BatchRecord} from '../../store/journal/batches.ts';
import type {Journal} from '../../store/journal/journal.ts';
import type {Access, Outcome, Query, Teacher} from '../../teacher.ts';
import {withBatches} from '../batches.ts';
import type {Budget} from '../budget/budget.ts';
import {keyed} from '../keyed.ts';
import {askOthers, type LayeredTeacher, type LayerOptions, layerOver} from '../layer.ts';
import type {Ledger} from '../ledger.ts';
import type {OnNote} from '../notes.ts';
import {BatchFates, batchTeacher} from './batch-fates.ts';
import {collectBatch, waitForEnd} from './collect-batch.ts';
import {LaneCall, type LaneCallOptions} from './lane-call.ts';
import {atLanePrice, laneOf} from './lane-of.ts';
import type {LaneWatch} from './lane-watch.ts';
import {batchesWith, type LaneWork} from './lane-work.ts';
import {findLost, withoutId} from './submit.ts';

/** How the batch lanes of services are used. */
export interface LaneChoice {
  /**
   * Whether batches are left to a later run, instead of waited for.
   *
   * @default false
   */
  readonly detached?: boolean;
  /**
   * Whether batches under way are ended, what they have finished is collected, and nothing is handed over.
   *
   * @default false
   */
  readonly cancels?: boolean;
  /** Told how far the batches are. */
  readonly watch?: LaneWatch;
  /**
   * Waits, and rejects at once when the signal aborts.
   *
   * @default a timer
   */
  readonly sleep?: LaneWork['sleep'];
}

interface LaneLayersOptions<A extends Access> {
  readonly teacher: Teacher<A>;
  /** Sends requests one by one. */
  readonly alone: LayeredTeacher<A>;
  /** Puts around a teacher the layers that keep what it answers. */
  keeping(inner: LayeredTeacher<A>): LayeredTeacher<A>;
  /** Undefined where nothing is asked. */
  readonly journal: Journal | undefined;
  readonly ledger: Ledger | undefined;
  readonly budget: Budget | undefined;
  readonly onNote: OnNote | undefined;
  /** Undefined where requests go out one by one. */
  readonly choice: LaneChoice | undefined;
}

/**
 * The layers that make requests of any number of queries: batches of the service's batch lane, where it has one and it
 * was chosen, else requests one by one, save about what is in such a batch already.
 */
export function laneLayers<A extends Access>(options: LaneLayersOptions<A>): LayeredTeacher<A> {
  const {teacher, alone, keeping, journal, ledger, budget, onNote, choice} = options;
  const {service} = teacher;
  const lane = laneOf(teacher);
  // What no journal holds is kept before its turn ends.
  if (service === undefined || journal === undefined) return withBatches(keeping(alone));
  if (lane === undefined) return withBatches(alone, keeping);
  const work = {teacher, service, lane, journal, ledger, onNote, watch: choice?.watch, sleep: choice?.sleep};
  if (choice === undefined) return withPendingBatches(withBatches(alone, keeping), work);
  const fates = new BatchFates();
  return withLane(keeping(batchTeacher(alone, work, fates)), {
    ...work,
    fates,
    budget: budget?.forTeacher(atLanePrice(teacher)),
    detached: choice.detached ?? false,
    cancels: choice.cancels ?? false,
  });
}

/**
 * Asks by the batch lane of a service. Batches that earlier runs handed over are collected. Of what is left the first
 * query goes ahead by itself, so that a wrong key or model is known at once and the service has the prompt in its
 * cache; the others are handed over. What fails and may succeed is handed over again, alone.
 *
 * @param kept - keeps what `batchTeacher` finds, with the layers in between; its queries are different ones
 */
function withLane<A extends Access>(kept: LayeredTeacher<A>, options: LaneCallOptions): LayeredTeacher<A> {
  const ask = (queries: readonly Query[], askOptions: LayerOptions = {}) =>
    new LaneCall(kept, options, queries, askOptions).run();
  return layerOver(kept, {ask, maxBatch: Number.POSITIVE_INFINITY, concurrency: Number.POSITIVE_INFINITY});
}

/**
 * Keeps what is in a batch from being paid for twice. A batch that has ended is collected, whichever way its queries
 * are asked now; what is in one that is still under way is not asked about.
 *
 * @param teacher - reads collected replies from the journal, see `withRecovery`
 */
function withPendingBatches<A extends Access>(teacher: LayeredTeacher<A>, work: LaneWork): LayeredTeacher<A> {
  // Many calls may be about the queries of one batch.
  const looks = new Map<string, Promise<Error | undefined>>();
  const ask = async (queries: readonly Query[], options: LayerOptions = {}) => {
    const known = new Map<number, Outcome<A>>();
    for (const record of batchesWith(work, queries)) {
      const look = looks.get(record.name) ?? collectIfEnded(work, record, options.stop);
      looks.set(record.name, look);
      const error = await look;
      if (error === undefined) continue;
      const keys = new Set(record.keys);
      for (const [index, query] of queries.entries()) {
        if (keys.has(keyed(teacher, query).key)) known.set(index, {error});
      }
    }
    options.onSettled?.(known.size);
    return askOthers(teacher, queries, known, options);
  };
  return layerOver(teacher, {ask});
}

/** Why nothing in the batch can be answered yet; undefined where it can. */
async function collectIfEnded(
  work: LaneWork,
  record: BatchRecord,
  stop: AbortSignal | undefined,
): Promise<Error | undefined> {
  const found = await findLost(work, record, stop);
  if (found === undefined) return undefined;
  const state = await waitForEnd(work, found, {stop, looksOnce: true});
  if (!state.isEnded) {
    return new KnowledgeError(
      `It is in batch ${found.id}, which is under way since ${found.plannedAt} and paid for. \`limbeck label --lane ` +
        'batch` waits for it.',
    );
  }
  const {isForeign} = await collectBatch(work, found, state, {stop});
  if (isForeign) return collectIfEnded(work, withoutId(found), stop);
  work.journal.batches.remove(found);
  return undefined;
}
