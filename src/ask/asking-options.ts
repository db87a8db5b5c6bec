import {kinds, oneOf, type Shape} from '../options.ts';
import type {Admission} from '../pace/admission.ts';
import type {GivenRates} from '../pace/learned-pace.ts';
import type {Budget} from './budget/budget.ts';
import type {BudgetLimit} from './budget/limit.ts';
import type {DriftOptions} from './drift.ts';
import type {RecordMode} from './keep/record.ts';
import type {LaneChoice} from './lane/lane-layers.ts';
import type {Interruption} from './ledger.ts';
import type {OnNote} from './notes.ts';

/** Limits and a budget that several processes keep together. */
export interface SharedAsking {
  /** The admission of an account, at the rates that its teacher gives. The same account has one. */
  admission(account: string, rates: GivenRates): Admission;
  readonly budget: Budget;
  /** Tells the others what was spent, and leaves them. Close it when nothing asks through it any more. */
  close(): Promise<void>;
}

export interface AskingOptions {
  /** The answer store: a file, or the URL of a store such as `redis://127.0.0.1:6379`. */
  readonly cache: string;
  /**
   * True if everything waits for a store at a URL that can't be reached, instead of ending with an error. Nothing is
   * bought meanwhile.
   *
   * @default false
   */
  readonly waitsForStore?: boolean | undefined;
  /** The folder of the journal: every request that was sent, and every reply as it came. */
  readonly journal: string;
  /**
   * Which queries are asked, and which are only read.
   *
   * @default 'new'
   */
  readonly record?: RecordMode | undefined;
  /**
   * The budget: the most that all teachers together may spend.
   *
   * @default no limit
   */
  readonly budget?: readonly BudgetLimit[] | undefined;
  /**
   * Keeps limits and budget together with other processes. The caller closes it. It has the budget, so `budget` is left
   * out.
   *
   * @default this process alone keeps them
   */
  readonly shared?: SharedAsking | undefined;
  /**
   * True to ask again about quarantined queries.
   *
   * @default false
   */
  readonly retryQuarantined?: boolean | undefined;
  /**
   * How to watch for drift: whether services still answer as they did. Each check is paid for.
   *
   * @default services are not watched
   */
  readonly drift?: DriftOptions | undefined;
  /**
   * How many requests a teacher may get before the first usable answer. If neither these nor up to four more, about
   * inputs from all over a transfer set, bring one, the run stops. With Infinity the run continues even if the service
   * refuses every input. Refusals for lack of capacity (429) don't count.
   *
   * @default 20
   */
  readonly firstAnswerWithin?: number | undefined;
  /**
   * Milliseconds that requests wait for a server that is still loading. Nothing is counted or charged until it answers.
   *
   * @default as each teacher was made
   */
  readonly wait?: number | undefined;
  /**
   * The run that this process goes on with: what its earlier processes bought counts as bought, not as cached.
   *
   * @default none
   */
  readonly interruption?: Interruption | undefined;
  /**
   * Asks services by their batch lanes, which are cheaper and answer within a day.
   *
   * @default requests go out one by one
   */
  readonly lane?: LaneChoice | undefined;
  /**
   * Receives notes for people, each once: a service charges more than it may, or doesn't report its charges; the cache
   * has lost answers; a process elsewhere may write the journal.
   *
   * @default a warning of Node.js
   */
  readonly onNote?: OnNote | undefined;
}

export const ASKING: Shape<AskingOptions> = {
  cache: kinds.text,
  waitsForStore: kinds.flag,
  journal: kinds.text,
  record: oneOf('none', 'once', 'new', 'all'),
  budget: kinds.list,
  shared: kinds.object,
  retryQuarantined: kinds.flag,
  drift: kinds.object,
  firstAnswerWithin: kinds.number,
  wait: kinds.number,
  interruption: kinds.object,
  lane: kinds.object,
  onNote: kinds.call,
};
