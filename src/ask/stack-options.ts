import {kinds, type Shape} from '../options.ts';
import type {Admission} from '../pace/admission.ts';
import type {Journal} from '../store/journal/journal.ts';
import type {AnswerStore} from '../store/store.ts';
import type {Teacher} from '../teacher.ts';
import type {Budget} from './budget/budget.ts';
import type {DriftOptions} from './drift.ts';
import type {Replies} from './keep/kept-reply.ts';
import type {RecordMode} from './keep/record.ts';
import type {Doubts, Recovery} from './keep/recover.ts';
import type {LaneChoice} from './lane/lane-layers.ts';
import type {AnsweredRequests, Ledger} from './ledger.ts';
import type {OnNote} from './notes.ts';
import type {FirstAnswer} from './refusals/first-answer.ts';
import type {Refusals} from './refusals/refusals.ts';

export interface StackOptions {
  readonly store: AnswerStore;
  readonly ledger?: Ledger | undefined;
  /**
   * The admission of a teacher's account, shared by everything that asks it.
   *
   * @default one of its own
   */
  readonly admissionOf?: (teacher: Teacher) => Admission | undefined;
  readonly budget?: Budget | undefined;
  /**
   * Receives notes about a service for people, each once.
   *
   * @default a warning of Node.js
   */
  readonly onNote?: OnNote | undefined;
  /**
   * Milliseconds that requests wait for a server that is still loading.
   *
   * @default as each teacher was made
   */
  readonly wait?: number | undefined;
  /**
   * Stops the run if a teacher's first requests bring no usable answer. Shared by everything that asks it.
   *
   * @default nothing
   */
  readonly firstAnswerOf?: ((teacher: Teacher) => FirstAnswer) | undefined;
  /**
   * Finds out whether a teacher's service refuses single inputs or every request. Shared by everything that asks it.
   *
   * @default one of its own
   */
  readonly refusalsOf?: ((teacher: Teacher) => Refusals) | undefined;
  /** Takes the times of a teacher's answered requests. */
  readonly requestsTo?: ((teacher: Teacher) => AnsweredRequests) | undefined;
  /**
   * Tells of the queries that an earlier run, or another process that shares the store, may have asked about before it
   * ended.
   *
   * @default nobody is told
   */
  readonly doubts?: Doubts | undefined;
  /** Without a journal, a paid reply that is under way when the process is killed is lost. */
  readonly journal?: Journal | undefined;
  /**
   * The replies and doubts of earlier runs.
   *
   * @default the journal
   */
  readonly recovery?: Recovery | undefined;
  /**
   * The raw replies, to read answers again if their reader has changed.
   *
   * @default the journal
   */
  readonly replies?: Replies | undefined;
  /**
   * Which queries are asked, and which are only read.
   *
   * @default 'new'
   */
  readonly record?: RecordMode | undefined;
  /**
   * True if a new answer replaces a kept one that holds as much.
   *
   * @default true if `record` is 'all'
   */
  readonly replace?: boolean | undefined;
  /**
   * True to ask again about quarantined queries.
   *
   * @default false
   */
  readonly retryQuarantined?: boolean | undefined;
  /**
   * How to watch for drift: whether the teacher still answers as it did. Each check is paid for.
   *
   * @default it is not watched
   */
  readonly drift?: DriftOptions | undefined;
  /**
   * Asks services that have a batch lane through it. Without a journal no batch is submitted.
   *
   * @default requests go out one by one
   */
  readonly lane?: LaneChoice | undefined;
}

/** What each option of `stack` must be. */
export const STACK_OPTIONS: Shape<StackOptions> = {
  store: kinds.object,
  ledger: kinds.object,
  admissionOf: kinds.call,
  budget: kinds.object,
  onNote: kinds.call,
  wait: kinds.number,
  firstAnswerOf: kinds.call,
  refusalsOf: kinds.call,
  requestsTo: kinds.call,
  doubts: kinds.object,
  journal: kinds.object,
  recovery: kinds.object,
  replies: kinds.object,
  record: kinds.text,
  replace: kinds.flag,
  retryQuarantined: kinds.flag,
  drift: kinds.object,
  lane: kinds.object,
};
