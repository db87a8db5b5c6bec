import type {Admission} from '../../pace/admission.ts';
import type {Budget} from '../budget/budget.ts';
import {dollars} from '../budget/price.ts';
import type {Ledger} from '../ledger.ts';
import {type AskingMoment, type AskingProgress, type AskingState, measureAsking} from './progress.ts';

/** The sources that a meter reads each time. */
interface AskingSources {
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

/** Where the progress of an asking goes. */
interface Listener {
  readonly signal: AbortSignal | undefined;
  readonly onProgress: (progress: {
    readonly task: string;
    readonly done: number;
    readonly total: number;
    readonly detail: string;
    readonly secondsLeft: number | undefined;
  }) => void;
}

/** How often to show what changes while nothing is answered, in milliseconds. */
const TICK = 1000;

/**
 * Asks with progress: at once, since the first answers may be long in coming, at each answer, and while the service
 * makes wait.
 */
export async function withProgress<T>(
  {signal, onProgress}: Listener,
  {meter}: {readonly meter: ReturnType<typeof createAskingMeter>},
  {task, total}: {readonly task: string; readonly total: number},
  ask: (options: {signal: AbortSignal | undefined; onProgress: (done: number) => void}) => Promise<T>,
): Promise<T> {
  let settled = 0;
  const tell = (done: number) => {
    settled = done;
    const {detail, progress} = meter(done, total);
    const {secondsLeft} = progress;
    onProgress({task, done, total, detail, secondsLeft});
  };
  tell(0);
  const ticking = setInterval(() => settled < total && tell(settled), TICK);
  try {
    return await ask({signal, onProgress: tell});
  } finally {
    clearInterval(ticking);
  }
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

/** The most characters of the text. */
const LENGTH = 80;

/**
 * Progress as a part of a line: answers bought, speed, cost, and the state of the service, for example `1,234 bought ·
 * 98.2/s · $1.23 of ~$4.60 · 32/64 in flight · 12 refused`. Numbers that go up and down keep their width. It has at
 * most 80 characters: the last parts are left out first.
 */
export function askingDetail(progress: AskingProgress): string {
  const [first, ...others] = progress.isDone ? lasting(progress) : passing(progress);
  let text = first!;
  for (const part of others) {
    if (part === undefined) continue;
    if (text.length + part.length + SEPARATOR.length > LENGTH) break;
    text += SEPARATOR + part;
  }
  return text;
}

const SEPARATOR = ' · ';

type Part = string | undefined;

/** The parts that are still of interest when all is done. */
function lasting({bought, cached, usd, budgetSpent, refused, setAside}: AskingProgress): readonly Part[] {
  return [
    `${count(bought)} bought`,
    some(cached, 'cached'),
    usd ? dollars(usd) : undefined,
    budgetSpent === undefined ? undefined : `budget ${percent(budgetSpent)}`,
    some(setAside, 'quarantined'),
    some(refused, 'refused'),
  ];
}

function passing(progress: AskingProgress): readonly Part[] {
  const {bought, cached, perSecond, pausedSeconds, inFlight, limit, refused, setAside} = progress;
  return [
    `${count(bought)} bought`,
    some(cached, 'cached'),
    pausedSeconds > 0 ? `paused ${Math.ceil(pausedSeconds)} s` : `${speed(perSecond)}/s`,
    money(progress),
    budget(progress),
    inFlight === undefined || limit === undefined ? undefined : `${inFlight}/${Math.floor(limit)} in flight`,
    some(setAside, 'quarantined'),
    some(refused, 'refused'),
  ];
}

function some(value: number, what: string): Part {
  return value > 0 ? `${count(value)} ${what}` : undefined;
}

function money({usd, usdAtEnd}: AskingProgress): Part {
  // Nothing was spent, or the service is free.
  if (!usd) return undefined;
  return usdAtEnd === undefined ? dollars(usd) : `${dollars(usd)} of ~${dollars(usdAtEnd)}`;
}

function budget({budgetSpent, budgetAtEnd = 0}: AskingProgress): Part {
  if (budgetSpent === undefined) return undefined;
  return `budget ${percent(budgetSpent)}${budgetAtEnd > 1 ? ', too small' : ''}`;
}

function count(value: number): string {
  return value.toLocaleString('en-GB');
}

/** Rounded down, because a budget that is not spent whole is not at 100 %. */
function percent(share: number): string {
  return `${String(Math.floor(100 * share)).padStart(2)} %`;
}

/** Three significant digits, five characters wide: `982`, `98.2`, `0.12`, `16.6k`; four digits for a million. */
function speed(perSecond: number | undefined): string {
  if (perSecond === undefined) return '–'.padStart(5);
  // Three digits of a million and more would be written with an exponent.
  if (perSecond >= 999_500) return `${Math.round(perSecond / 1000)}k`;
  if (perSecond >= 999.5) return `${(perSecond / 1000).toPrecision(3)}k`.padStart(5);
  return (perSecond < 1 ? perSecond.toFixed(2) : perSecond.toPrecision(3)).padStart(5);
}
