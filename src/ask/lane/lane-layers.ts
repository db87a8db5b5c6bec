import pLimit from 'p-limit';
import {KnowledgeError} from '../../errors.ts';
import type {Journal} from '../../store/journal/journal.ts';
import type {BatchRecord} from '../../store/journal/unfinished.ts';
import type {Access, Outcome, Query, Teacher} from '../../teacher.ts';
import {withBatches} from '../batches.ts';
import type {Budget} from '../budget/budget.ts';
import {askOthers, keyed, type LayeredTeacher, type LayerOptions, layerOver} from '../layer.ts';
import type {Ledger} from '../ledger.ts';
import type {OnNote} from '../notes.ts';
import {BatchFates, batchTeacher, collectBatch, waitForEnd} from './collect-batch.ts';
import {atLanePrice, type LaneWatch, type LaneWork, laneOf} from './lane.ts';
import {LaneCall, type LaneCallOptions} from './lane-call.ts';
import {BatchRoom} from './room.ts';
import {findLost, withoutId} from './submit.ts';

/** How to use the batch lanes of services. */
export interface LaneChoice {
  /**
   * True to leave batches to a later run instead of waiting for them.
   *
   * @default false
   */
  readonly detached?: boolean;
  /**
   * True to cancel batches under way and collect their finished requests. Nothing is submitted.
   *
   * @default false
   */
  readonly cancel?: boolean;
  /** Receives the progress of the batches. */
  readonly watch?: LaneWatch;
  /**
   * The room that a teacher's account has for batches. Shared by everything that asks it.
   *
   * @default one of its own
   */
  readonly roomOf?: (teacher: Teacher) => BatchRoom;
  /**
   * Waits, and rejects at once when the signal aborts.
   *
   * @default a timer
   */
  readonly sleep?: LaneWork['sleep'];
}

interface LaneLayersOptions<A extends Access> {
  readonly teacher: Teacher<A>;
  /** Sends single requests. */
  readonly alone: LayeredTeacher<A>;
  /** Puts the layers around a teacher that keep its answers. */
  keeping(inner: LayeredTeacher<A>): LayeredTeacher<A>;
  /** Undefined if nothing is asked. */
  readonly journal: Journal | undefined;
  readonly ledger: Ledger | undefined;
  readonly budget: Budget | undefined;
  readonly onNote: OnNote | undefined;
  /** Undefined if requests go out one by one. */
  readonly choice: LaneChoice | undefined;
}

/**
 * The layers that turn any number of queries into requests: batches, if the service has a batch lane and it was chosen;
 * otherwise single requests. Queries that are already in a batch are not asked singly.
 */
export function laneLayers<A extends Access>(options: LaneLayersOptions<A>): LayeredTeacher<A> {
  const {teacher, alone, keeping, journal, ledger, budget, onNote, choice} = options;
  const {service} = teacher;
  const lane = laneOf(teacher);
  // Answers that no journal holds are kept before their slot is freed.
  if (service === undefined || journal === undefined) return withBatches(keeping(alone));
  if (lane === undefined) return withBatches(alone, keeping);
  const {watch, sleep, roomOf = ownRoom} = choice ?? {};
  const work = {teacher, service, lane, journal, ledger, room: roomOf(teacher), onNote, watch, sleep};
  if (choice === undefined) return withPendingBatches(withBatches(alone, keeping), work);
  const fates = new BatchFates();
  return withLane(keeping(batchTeacher(alone, work, fates)), {
    ...work,
    fates,
    inTurn: pLimit(1),
    budget: budget?.forTeacher(atLanePrice(teacher)),
    detached: choice.detached ?? false,
    cancel: choice.cancel ?? false,
  });
}

function ownRoom({service}: Teacher): BatchRoom {
  return new BatchRoom(service?.rate);
}

/**
 * Asks through the batch lane of a service. It collects batches that earlier runs submitted. Of the remaining queries
 * the first goes ahead singly, so that a wrong key or model is known at once and the service has the prompt in its
 * cache. The others are submitted. Failed queries that can succeed are submitted again.
 *
 * @param kept - keeps what `batchTeacher` finds, with the layers in between; its queries are different ones
 */
function withLane<A extends Access>(kept: LayeredTeacher<A>, options: LaneCallOptions): LayeredTeacher<A> {
  const ask = (queries: readonly Query[], askOptions: LayerOptions = {}) =>
    new LaneCall(kept, options, queries, askOptions).run();
  return layerOver(kept, {ask, maxBatch: Number.POSITIVE_INFINITY, concurrency: Number.POSITIVE_INFINITY});
}

/**
 * Prevents that a query in a batch is paid for twice. A batch that has ended is collected, even if its queries are now
 * asked singly. Queries in a batch that is still under way are not asked.
 *
 * @param teacher - reads collected replies from the journal, see `withRecovery`
 */
function withPendingBatches<A extends Access>(teacher: LayeredTeacher<A>, work: LaneWork): LayeredTeacher<A> {
  // Many calls can concern the queries of one batch.
  const looks = new Map<string, Promise<Error | undefined>>();
  const ask = async (queries: readonly Query[], options: LayerOptions = {}) => {
    const known = new Map<number, Outcome<A>>();
    const keys = queries.map(query => keyed(teacher, query).key);
    for (const record of work.journal.batches.holding(keys)) {
      const look = looks.get(record.name) ?? collectIfEnded(work, record, options.stop);
      looks.set(record.name, look);
      const error = await look;
      if (error === undefined) continue;
      const held = new Set(record.keys);
      for (const [index, key] of keys.entries()) if (held.has(key)) known.set(index, {error});
    }
    options.onSettled?.(known.size);
    return askOthers(teacher, queries, known, options);
  };
  return layerOver(teacher, {ask});
}

/** The reason why nothing in the batch can be answered yet; undefined if it can. */
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
