import type {Admission} from '../../pace/admission.ts';
import type {Budget} from '../budget/budget.ts';
import type {Ledger} from '../ledger.ts';
import {type AskingMoment, type AskingProgress, type AskingState, measureAsking} from './progress.ts';
import {askingDetail} from './text.ts';

/** What a meter reads when it is asked. */
export interface AskingSources {
  readonly ledger: Ledger;
  /**
   * Of each account that is asked.
   *
   * @default none: no service is asked
   */
  readonly admissions?: readonly Pick<Admission, 'state'>[];
  readonly budget?: Pick<Budget, 'limits' | 'spent'> | undefined;
  /**
   * How many answers of the ledger one query takes at most: more than one of a teacher that is made of others.
   *
   * @default 1
   */
  readonly answersEach?: number;
  /**
   * How many it takes at most before the first query, of a teacher that is asked something beforehand.
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

/** What a line of progress shows. */
export interface AskingReport {
  readonly progress: AskingProgress;
  /** See `askingDetail`. */
  readonly detail: string;
}

/** Speed is that of the last 15 seconds, or of as long a time as it takes to see some progress. */
const WINDOW = 15_000;

/** A line is drawn ten times a second at most, and calls may end more often than that. */
const PAUSE = 100;

/**
 * Measures the progress of one asking.
 *
 * @returns a function that is told how many queries have an outcome, and of how many
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
    // What was bought is in the ledger before the outcomes of its chunk are told of.
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

/** Whether a moment is long enough ago, and some progress was made since, to measure from it. */
function isPast(moment: AskingMoment, now: AskingMoment): boolean {
  return moment.at <= now.at - WINDOW && moment.done < now.done;
}

/** All accounts as one; undefined where there is none. */
function stateOf(admissions: readonly Pick<Admission, 'state'>[]): AskingState['admission'] {
  if (admissions.length === 0) return undefined;
  const states = admissions.map(({state}) => state);
  return {
    inFlight: states.reduce((sum, {inFlight}) => sum + inFlight, 0),
    limit: states.reduce((sum, {limit}) => sum + limit, 0),
    resumesIn: Math.max(...states.map(({resumesIn}) => resumesIn)),
  };
}
