import type {AdmissionState} from '../../pace/admission.ts';
import type {Budget} from '../budget/budget.ts';
import {entryOf} from '../budget/limit.ts';
import type {LedgerSnapshot} from '../ledger.ts';

/** The progress of an asking at one moment. */
export interface AskingMoment {
  /** Milliseconds, of any clock. */
  readonly at: number;
  /** Queries that have an outcome. */
  readonly done: number;
  readonly ledger: LedgerSnapshot;
}

/** The state from which progress is computed. */
export interface AskingState {
  readonly now: AskingMoment;
  /** The moment from which speed is measured. */
  readonly since: AskingMoment;
  /** Queries in all. */
  readonly total: number;
  /** Undefined for a teacher that asks no service. */
  readonly admission?: Pick<AdmissionState, 'inFlight' | 'limit' | 'resumesIn'> | undefined;
  readonly budget?: Pick<Budget, 'limits' | 'spent'> | undefined;
}

/** Progress in numbers. A number is undefined if it is not known, or not known yet. */
export interface AskingProgress {
  readonly isDone: boolean;
  readonly bought: number;
  readonly cached: number;
  readonly setAside: number;
  /** Answers bought per second. */
  readonly perSecond: number | undefined;
  /** Until everything has an outcome, at the present speed. */
  readonly secondsLeft: number | undefined;
  /** Requests under way, and the limit; undefined for a teacher that asks no service. */
  readonly inFlight: number | undefined;
  readonly limit: number | undefined;
  /** Requests refused for lack of capacity (429). */
  readonly refused: number;
  /** The seconds left of a pause; 0 if there is none. */
  readonly pausedSeconds: number;
  /** US dollars. */
  readonly usd: number | undefined;
  /** The dollars at the end. */
  readonly usdAtEnd: number | undefined;
  /** The spent share of the limit that is nearest to its end; undefined without a budget. */
  readonly budgetSpent: number | undefined;
  /** The same share at the end; above 1 the budget is too small. */
  readonly budgetAtEnd: number | undefined;
}

/** Speeds over less time than this are meaningless. */
const LEAST_SPAN = 1000;

/** Computes the progress, speed and final cost of an asking. */
export function measureAsking({now, since, total, admission, budget}: AskingState): AskingProgress {
  const {bought, cached, setAside, refused, usd} = now.ledger;
  const span = now.at - since.at;
  const done = now.done - since.done;
  const boughtSince = bought - since.ledger.bought;
  const isTimed = span >= LEAST_SPAN;
  const pausedSeconds = (admission?.resumesIn ?? 0) / 1000;
  const left = total - now.done;
  // The latest queries tell how many of the remaining ones will be bought. All queries tell the cost of one.
  const toBuy = done > 0 ? (left * boughtSince) / done : undefined;
  const atEnd = (amount: number) =>
    toBuy !== undefined && bought > 0 ? amount + (amount / bought) * toBuy : undefined;
  const shares = budget && budgetShares(budget, now.ledger, atEnd);
  return {
    isDone: left <= 0,
    ...{bought, cached, setAside, refused, pausedSeconds, usd},
    perSecond: isTimed ? (1000 * boughtSince) / span : undefined,
    secondsLeft: isTimed && done > 0 ? (left * span) / done / 1000 + pausedSeconds : undefined,
    inFlight: admission?.inFlight,
    limit: admission?.limit,
    usdAtEnd: usd === undefined ? undefined : atEnd(usd),
    budgetSpent: shares?.spent,
    budgetAtEnd: shares?.atEnd,
  };
}

/** The spent and the final share of the limit that is nearest to its end. */
function budgetShares(
  {limits, spent}: Pick<Budget, 'limits' | 'spent'>,
  ledger: LedgerSnapshot,
  atEnd: (amount: number) => number | undefined,
): {readonly spent: number; readonly atEnd: number | undefined} | undefined {
  // Other teachers may have spent part of the budget before.
  const own = {calls: ledger.calls, tokens: ledger.inputTokens + ledger.outputTokens, usd: ledger.usd ?? 0};
  const shares = limits.map(limit => {
    const [kind, most] = entryOf(limit);
    const end = atEnd(own[kind]);
    return {spent: spent[kind] / most, atEnd: end === undefined ? undefined : (spent[kind] + end - own[kind]) / most};
  });
  return shares.sort((one, other) => (other.atEnd ?? other.spent) - (one.atEnd ?? one.spent))[0];
}
