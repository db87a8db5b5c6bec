import type {Journal} from '../knowledge/journal.ts';
import type {AnswerStore} from '../knowledge/store.ts';
import type {Access, Teacher} from '../teacher.ts';
import type {Admission} from './admission.ts';
import {withBatches} from './batches.ts';
import type {Budget} from './budget.ts';
import {withCache} from './cache.ts';
import {withCalls} from './calls.ts';
import {layeredBy} from './compose/parts.ts';
import {DriftGuard, type DriftOptions, withDriftGuard} from './drift.ts';
import {withKeeping} from './keep.ts';
import type {Replies} from './kept-reply.ts';
import {type LayeredTeacher, layerOver} from './layer.ts';
import {withLeases} from './leases.ts';
import type {Ledger} from './ledger.ts';
import {type RecordMode, withRecordMode} from './record.ts';
import {withRecovery} from './recover.ts';
import {withRetry} from './retry.ts';

export interface StackOptions {
  readonly store: AnswerStore;
  readonly ledger?: Ledger;
  /**
   * The door to a teacher's account, shared by all that ask it.
   *
   * @default requests go out as they come
   */
  readonly admissionOf?: (teacher: Teacher) => Admission | undefined;
  readonly budget?: Budget;
  /** Without one, a paid reply that is under way when the process is killed is lost. */
  readonly journal?: Journal;
  /**
   * Where raw replies are read from again, for answers that were read in another way.
   *
   * @default the journal
   */
  readonly replies?: Replies;
  /**
   * What is asked and what is only read.
   *
   * @default 'new'
   */
  readonly record?: RecordMode;
  /**
   * Whether to ask again about questions that were set aside.
   *
   * @default false
   */
  readonly retriesSetAside?: boolean;
  /**
   * How to watch whether the teacher still answers as it did. Each check is paid for.
   *
   * @default it is not watched
   */
  readonly drift?: DriftOptions;
}

/** The fewest questions that are looked up together. */
const LEAST_CHUNK = 256;

/** How many questions a teacher's layers look up together: two such chunks keep every request of its service busy. */
export function chunkOf({maxBatch, concurrency = 1}: Teacher): number {
  return Math.max(LEAST_CHUNK, 2 * maxBatch * concurrency);
}

/**
 * A teacher with all its layers. Their order is their meaning, from the outside:
 *
 * - the cache serves what is kept; what another process is asking is waited for; the rest is made into batches;
 * - each batch is kept when it comes, read from an earlier reply where there is one, refused where the record mode says
 *   so, and asked again where that helps;
 * - next to the teacher, each request waits its turn and is written down before it is sent.
 *
 * Of a teacher that is made of others each part has these layers of its own.
 */
export function stack<A extends Access>(teacher: Teacher<A>, options: StackOptions): LayeredTeacher<A> {
  // One that is a part twice is still asked no more at once than it allows.
  const known = new Map<Teacher, LayeredTeacher>();
  return layeredBy(leaf => {
    const layered = known.get(leaf) ?? layersAround(leaf, options);
    known.set(leaf, layered);
    return layered as typeof leaf;
  }, teacher);
}

function layersAround<A extends Access>(teacher: Teacher<A>, options: StackOptions): LayeredTeacher<A> {
  const {
    store,
    ledger,
    admissionOf,
    budget,
    journal,
    replies = journal,
    record = 'new',
    retriesSetAside = false,
    drift,
  } = options;
  const admission = admissionOf?.(teacher);
  const counts = ledger ? {ledger} : {};
  const journaled = journal ? {journal} : {};
  const paying = {...(admission && {admission}), ...(budget && {budget: budget.forTeacher(teacher)})};
  const asked = withRetry(withCalls(teacher, {...counts, ...journaled, ...paying}));
  const guard = drift && teacher.service && new DriftGuard(teacher, drift);
  const guarded = guard ? withDriftGuard(asked, guard) : asked;
  const recording = withRecordMode(guarded, {store, mode: record});
  const recovered = journal ? withRecovery(recording, {journal, retriesSetAside}) : recording;
  const kept = withKeeping(recovered, {store, ...counts, ...journaled, replaces: record === 'all'});
  const batches = withBatches(kept);
  const sharing = {store, replies, servesKept: record !== 'all'};
  const shared = store.leases.shared && record !== 'none' ? withLeases(batches, sharing) : batches;
  const cached = withCache(shared, {store, replies, ...counts, asksAnew: record === 'all', ...(guard && {guard})});
  // One chunk is asked about while the last answers of the other are awaited.
  return layerOver(cached, {ask: cached.ask, maxBatch: chunkOf(teacher), concurrency: 2});
}
