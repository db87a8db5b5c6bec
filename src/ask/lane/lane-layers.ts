import type {Journal} from '../../store/journal/journal.ts';
import type {Access, Teacher} from '../../teacher.ts';
import {withBatches} from '../batches.ts';
import type {Budget} from '../budget/budget.ts';
import type {LayeredTeacher} from '../layer.ts';
import type {Ledger} from '../ledger.ts';
import type {OnNote} from '../notes.ts';
import {BatchFates, batchTeacher} from './batch-fates.ts';
import {withLane} from './lane.ts';
import {atLanePrice, laneOf} from './lane-of.ts';
import type {LaneWatch} from './lane-watch.ts';
import type {LaneWork} from './lane-work.ts';
import {withPendingBatches} from './pending.ts';

/** How the batch lanes of services are used. */
export interface LaneChoice {
  /**
   * Whether batches are left to a later run, instead of waited for.
   *
   * @default false
   */
  readonly detaches?: boolean;
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

export interface LaneLayersOptions<A extends Access> {
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
 * The layers that make requests of any number of questions: batches of the service's batch lane, where it has one and it
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
    detaches: choice.detaches ?? false,
    cancels: choice.cancels ?? false,
  });
}
