import type {LedgerSnapshot} from '../ask/ledger.ts';
import {confidenceSequence} from '../statistics/confidence-sequence.ts';
import type {CascadeMode} from './cascade.ts';
import type {Tally} from './tally.ts';
import type {StandingChange, Watch} from './watch.ts';

/** A share of so many, with an interval that holds at every look, with 95 % probability. */
export interface MeasuredShare {
  readonly share: number;
  readonly low: number;
  readonly high: number;
  readonly of: number;
}

/** How a service fares: what `GET /status` says. */
export interface ServiceStatus {
  readonly model: string;
  readonly version: string;
  /** Who answers; without a teacher `student`. */
  readonly mode: CascadeMode;
  /** Whether the student has broken its promise, so that the teacher answers all; null where no promise is watched. */
  readonly demoted: boolean | null;
  /** What the student is held to; null where nothing is. */
  readonly promise: WatchStatus | null;
  /** Inputs that were answered since the service began. */
  readonly answered: number;
  /** Of these, how many the student answered. */
  readonly local: number;
  /** Their share; null before the first answer. */
  readonly coverage: number | null;
  /** Inputs unlike those that the student learned from, which it leaves to the teacher. */
  readonly strange: number;
  readonly audits: AuditStatus;
  /** Of all that is asked of the teacher; null where there is none. */
  readonly teacher: TeacherStatus | null;
}

export interface WatchStatus {
  readonly agreement: number;
  readonly confidence: number;
  /** When the student was last demoted or taken back, or first watched. ISO 8601. */
  readonly since: string;
  /**
   * Share of all inputs compared since then on which student and teacher together answer as the teacher does: what is
   * promised to be at least `agreement`. Null before the first.
   */
  readonly kept: MeasuredShare | null;
  /** What the last change of standing was decided by; null before the first. */
  readonly lastChange: StandingChange | null;
}

/** Since the service began. */
export interface AuditStatus {
  /** Sure answers of the student that were compared with the teacher's. */
  readonly audited: number;
  /** Drawn inputs that were not the student's to answer. */
  readonly deferred: number;
  /** Drawn inputs that the teacher didn't answer. */
  readonly lost: number;
  /** How often the teacher said the same as the student, where that was sure. Null before the first. */
  readonly agreement: MeasuredShare | null;
}

export interface TeacherStatus {
  readonly name: string;
  /** Requests that went out, audits and retries included. */
  readonly calls: number;
  /** Answers that the student gave of its own: so many times the teacher wasn't asked for one. */
  readonly saved: number;
  /** US dollars; null where no price is known. */
  readonly usd: number | null;
  readonly savedUsd: number | null;
  /** How often the teacher says the same where it is asked anew. Null before the first. */
  readonly repeatability: MeasuredShare | null;
}

/** What a status is made from. */
export interface StatusSources {
  readonly model: string;
  readonly version: string;
  readonly mode: CascadeMode;
  readonly tally: Tally;
  readonly watch?: Watch;
  /** The teacher's name. */
  readonly teacher?: string;
  readonly ledger?: {snapshot(): LedgerSnapshot};
  /** What one answer of the teacher costs, in US dollars, as far as that is known by now. */
  readonly costEach?: () => number | undefined;
}

export function statusOf(sources: StatusSources): ServiceStatus {
  const {model, version, mode, tally, watch} = sources;
  const {answered, local, audited, agreed, deferredAudits: deferred, lostAudits: lost} = tally;
  return {
    ...{model, version, mode, answered, local, strange: tally.strange},
    demoted: watch?.demoted ?? null,
    promise: watch ? promiseOf(watch) : null,
    coverage: answered === 0 ? null : local / answered,
    audits: {audited, deferred, lost, agreement: measured(agreed, audited)},
    teacher: teacherOf(sources),
  };
}

function promiseOf({promise, state}: Watch): WatchStatus {
  const {since, comparisons, lastChange = null} = state;
  const {compared, broken} = comparisons;
  return {...promise, since, kept: measured(compared - broken, compared), lastChange};
}

function teacherOf({teacher, tally, ledger, costEach}: StatusSources): TeacherStatus | null {
  if (teacher === undefined) return null;
  const {calls = 0, usd = null} = ledger?.snapshot() ?? {};
  const each = costEach?.();
  return {
    ...{name: teacher, calls, saved: tally.student, usd},
    savedUsd: each === undefined ? null : each * tally.student,
    repeatability: measured(tally.repeatedAlike, tally.repeated),
  };
}

function measured(count: number, of: number): MeasuredShare | null {
  if (of === 0) return null;
  const [low, high] = confidenceSequence(count, of);
  return {share: count / of, low, high, of};
}
