import type {Admission} from '../../pace/admission.ts';
import type {Budget} from '../budget/budget.ts';
import type {Ledger} from '../ledger.ts';
import {type AskingMoment, type AskingProgress, type AskingState, measureAsking} from './progress.ts';
import {askingDetail} from './text.ts';

/** The sources that a meter reads each time. */
export interface AskingSources {
  readonly ledger: Ledger;
  /**
   * One for each account that is asked.
   *
   * @default none: no service is asked
   */
  readonly admissions?: readonly Pick<Admission, 'state'>[];
  readonly budget?: Pick<Budget, 'limits' | 'spent'> | undefined;
  /**
   * The most answers of the ledger that one query takes: more than one if the teacher is composed of others.
   *
   * @default 1
   */
  readonly answersEach?: number;
  /**
   * The most answers that come before the first query, if a part is asked beforehand.
   *
   * @default 0
   */
  readonly answersBeforehand?: number;
  /**
   * Milliseconds, for tests.
   *
   * @default performance.now
   */
  readonly now?: () => number;
}

/** The contents of a progress line. */
export interface AskingReport {
  readonly progress: AskingProgress;
  /** See `askingDetail`. */
  readonly detail: string;
}

/** The speed covers the last 15 seconds, or a longer time if it takes longer to see some progress. */
const WINDOW = 15_000;

/** A line is drawn ten times a second at most, and calls can end more often than that. */
const PAUSE = 100;

/**
 * Measures the progress of one asking.
 *
 * @returns a function that receives how many queries have an outcome, and the total
 */
export function createAskingMeter({
  ledger,
  admissions = [],
  budget,
  answersEach = 1,
  answersBeforehand = 0,
  now = () => performance.now(),
}: AskingSources): (done: number, total: number) => AskingReport {
  /** Each one further than the one before. */
  const moments: AskingMoment[] = [];
  let latest: AskingReport | undefined;
  let measuredAt = Number.NEGATIVE_INFINITY;
  return (told, total) => {
    const at = now();
    if (latest && at - measuredAt < PAUSE && told < total) return latest;
    measuredAt = at;
    const snapshot = ledger.snapshot();
    // Bought answers are in the ledger before the outcomes of their chunk are reported.
    const answers = snapshot.bought + snapshot.cached + snapshot.setAside - answersBeforehand;
    const done = Math.max(told, Math.floor(answers / answersEach));
    const moment = {at, done, ledger: snapshot};
    if (moments.length === 0 || done > moments.at(-1)!.done) moments.push(moment);
    while (moments.length > 1 && isPast(moments[1]!, moment)) moments.shift();
    const progress = measureAsking({now: moment, since: moments[0]!, total, admission: stateOf(admissions), budget});
    latest = {progress, detail: askingDetail(progress)};
    return latest;
  };
}

/** True if a moment is long enough ago, with some progress made after it, to measure from it. */
function isPast(moment: AskingMoment, now: AskingMoment): boolean {
  return moment.at <= now.at - WINDOW && moment.done < now.done;
}

/** All accounts as one; undefined if there is none. */
function stateOf(admissions: readonly Pick<Admission, 'state'>[]): AskingState['admission'] {
  if (admissions.length === 0) return undefined;
  const states = admissions.map(({state}) => state);
  return {
    inFlight: states.reduce((sum, {inFlight}) => sum + inFlight, 0),
    limit: states.reduce((sum, {limit}) => sum + limit, 0),
    resumesIn: Math.max(...states.map(({resumesIn}) => resumesIn)),
  };
}
