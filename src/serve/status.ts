import {costOf, isByToken} from '../ask/budget/price.ts';
import {leavesOf} from '../ask/compose/parts.ts';
import type {Ledger, LedgerSnapshot} from '../ask/ledger.ts';
import {confidenceSequence} from '../statistics/bounds.ts';
import type {Teacher} from '../teacher.ts';
import type {CascadeMode} from './cascade.ts';
import type {Tally} from './decision.ts';
import type {StandingChange, Watch} from './watch.ts';
import type {Watches} from './watches.ts';

/** A share of `of` items, with an interval that covers the true share at every look at once, with 95 % probability. */
export interface MeasuredShare {
  readonly share: number;
  readonly low: number;
  readonly high: number;
  readonly of: number;
}

/** The state of a service, as `GET /status` returns it. */
export interface ServiceStatus {
  readonly model: string;
  readonly version: string;
  /** Who answers. Without a teacher it is `student`. */
  readonly mode: CascadeMode;
  /**
   * True if the student has broken its promise, so that the teacher answers everything; of a model that answers several
   * questions, true if one of them is demoted. Null if no promise is watched.
   */
  readonly demoted: boolean | null;
  /** The promise that the student is held to. Null if there is none. Of several questions each has its own. */
  readonly promise: WatchStatus | null;
  /** Each question of a model that answers several. Absent for a model of one question. */
  readonly questions?: readonly QuestionStatus[] | undefined;
  /** Queries answered since the service started: one for each question about an input. */
  readonly answered: number;
  /** The number of them that the student answered. */
  readonly local: number;
  /** Share of inputs that the student answered. Null before the first answer. */
  readonly coverage: number | null;
  /** Inputs unlike those that the student was trained on. It leaves them to the teacher. */
  readonly strange: number;
  readonly audits: AuditStatus;
  /** All requests to the teacher. Null if there is none. */
  readonly teacher: TeacherStatus | null;
}

/** The counts and the standing of one question. */
export interface QuestionStatus
  extends Pick<ServiceStatus, 'answered' | 'local' | 'coverage' | 'audits' | 'demoted' | 'promise'> {
  readonly name: string;
  /** Answers marked as not sure enough. */
  readonly abstained: number;
}

export interface WatchStatus {
  readonly agreement: number;
  readonly confidence: number;
  /** Time at which the student was last demoted or restored, or first watched. ISO 8601. */
  readonly since: string;
  /**
   * Share of the inputs compared since then on which the cascade answers as the teacher does. The promise is that this
   * is at least `agreement`. Null before the first comparison.
   */
  readonly kept: MeasuredShare | null;
  /** The comparisons that decided the last change of standing. Null before the first change. */
  readonly lastChange: StandingChange | null;
}

/** Counts since the service started. */
export interface AuditStatus {
  /** Sure answers of the student that were compared with the teacher's. */
  readonly audited: number;
  /** Drawn inputs that the student left to the teacher. */
  readonly deferred: number;
  /** Drawn inputs that the teacher didn't answer. */
  readonly lost: number;
  /** How often the teacher agreed with the student's sure answers. Null before the first comparison. */
  readonly agreement: MeasuredShare | null;
}

export interface TeacherStatus {
  readonly name: string;
  /** Requests sent, audits and retries included. */
  readonly calls: number;
  /** Answers that the student gave on its own, each of which saved one answer of the teacher. */
  readonly saved: number;
  /** US dollars. Null if no price is known. */
  readonly usd: number | null;
  readonly savedUsd: number | null;
  /** How often the teacher repeats its answer when it is asked anew. Null before the first repeat. */
  readonly repeatability: MeasuredShare | null;
}

/** The sources of a status. */
interface StatusSources {
  readonly model: string;
  readonly version: string;
  readonly mode: CascadeMode;
  readonly tally: Tally;
  readonly watches: Watches;
  /** Name of the teacher. */
  readonly teacher?: string;
  readonly ledger?: {snapshot(): LedgerSnapshot};
  /** The cost of one answer of the teacher in US dollars. Undefined if it isn't known yet. */
  readonly costEach?: () => number | undefined;
}

export function statusOf(sources: StatusSources): ServiceStatus {
  const {model, version, mode, tally, watches} = sources;
  const questions = Array.from(tally.questions, ([name, own]) => {
    const watch = watches.get(name)?.watch;
    const standing = {demoted: watch?.demoted ?? null, promise: watch ? promiseOf(watch) : null};
    return {name, abstained: own.abstained, ...countsOf(own), ...standing};
  });
  const watch = watches.get(undefined)?.watch;
  return {
    model,
    version,
    mode,
    ...countsOf(tally),
    questions: questions.length === 0 ? undefined : questions,
    strange: tally.strange,
    demoted: watches.size === 0 ? null : isAnyDemoted(watches),
    promise: watch ? promiseOf(watch) : null,
    teacher: teacherOf(sources),
  };
}

/** True if the student, or one of its questions, is demoted. */
export function isAnyDemoted(watches: Watches): boolean {
  return [...watches.values()].some(({watch}) => watch.demoted);
}

function countsOf(tally: Tally): Pick<ServiceStatus, 'answered' | 'local' | 'coverage' | 'audits'> {
  const {answered, local, audited, agreed, deferredAudits: deferred, lostAudits: lost} = tally;
  const audits = {audited, deferred, lost, agreement: measured(agreed, audited)};
  return {answered, local, coverage: answered === 0 ? null : local / answered, audits};
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
    name: teacher,
    calls,
    saved: tally.student,
    usd,
    savedUsd: each === undefined ? null : each * tally.student,
    repeatability: measured(tally.repeatedAlike, tally.repeated),
  };
}

function measured(count: number, of: number): MeasuredShare | null {
  if (of === 0) return null;
  const [low, high] = confidenceSequence(count, of);
  return {share: count / of, low, high, of};
}

/**
 * The cost of one answer of a teacher, in US dollars. It is the mean cost of the answers bought so far. Before the
 * first one it is the price of a call, if the service doesn't charge by the token. Undefined if that isn't known. Parts
 * of the teacher that are asked only at times are left out.
 */
export function costEachOf(teacher: Teacher, ledger: Ledger): () => number | undefined {
  const leaves = leavesOf(teacher, teacher.detail).filter(
    ({least, beforehand}) => least > 0 && beforehand === undefined,
  );
  const answersEach = leaves.reduce((sum, {samples}) => sum + samples, 0);
  const price = leaves.length === 1 ? leaves[0]!.teacher.service?.price : undefined;
  const perCall = price && !isByToken(price) ? costOf(price, {calls: answersEach}) : undefined;
  return () => {
    const {usd, bought} = ledger.snapshot();
    return usd === undefined || bought === 0 ? perCall : (usd / bought) * answersEach;
  };
}
