import {type Leaf, leavesOf} from '../ask/compose/parts.ts';
import type {Estimate} from '../ask/plan/cost.ts';
import type {AskPlan} from '../ask/plan/plan.ts';
import {InputError} from '../errors.ts';
import {checkOptions, kinds} from '../options.ts';
import type {Detail, Rate, Teacher} from '../teacher.ts';

/** Workers of a queue, which label ranges of the transfer set at the same time. */
export interface PlannedWorkers {
  readonly count: number;
  /**
   * The mean seconds from a request to its reply.
   *
   * @default 1
   */
  readonly latency?: number;
}

/** What asking takes if workers share it, and which limit decides about the time. */
export interface WorkersPlan extends Required<PlannedWorkers> {
  /** Requests of all workers together that can be under way at once. */
  readonly concurrency: number;
  /** The longest of the limits. */
  readonly seconds: Estimate;
  /** The limit that decides about the expected time. */
  readonly bottleneck: Limit;
  /** The expected seconds by each limit alone; one that is not known is absent. */
  readonly limits: Readonly<Partial<Record<Limit, number>>>;
  /** From how many workers on another limit decides; absent if nothing is to be asked. */
  readonly enough?: number;
}

/** The rates of the account, the requests under way at once, or what the workers do in a second. */
export type Limit = 'requestsPerMinute' | 'tokensPerMinute' | 'concurrency' | 'workers';

/** Answers that a worker asks for and keeps in a second, if four share two cores, as `npm run bench:scale` measured it. */
const ANSWERS_A_SECOND = 3000;

const KINDS = {count: kinds.number, latency: kinds.number};

/** @throws InputError if a number is not above 0, or workers are counted by halves */
export function checkWorkers(workers: PlannedWorkers): void {
  checkOptions('workers', workers, KINDS, ['count']);
  const {count, latency = 1} = workers;
  if (!(Number.isSafeInteger(count) && count > 0)) {
    throw new InputError(`Expected a whole number of workers above 0, got ${count}.`);
  }
  if (!(latency > 0 && latency < Number.POSITIVE_INFINITY)) {
    throw new InputError(`Expected the seconds of a request to be above 0, got ${latency}.`);
  }
}

/**
 * What asking a service takes if workers share it. All of them together keep to the rates of its account and to the
 * teacher's `concurrency`.
 *
 * @returns undefined if no service is asked one by one, or several accounts are: each has a pace of its own
 */
export function acrossWorkers(
  teacher: Teacher,
  detail: Detail,
  {inputs, cached, calls, tokens, byBatches}: AskPlan,
  {count, latency = 1}: PlannedWorkers,
  rate: Rate,
): WorkersPlan | undefined {
  const services = leavesOf(teacher, detail).flatMap(({teacher: {service, concurrency = 1}}: Leaf) =>
    service ? [{...service, concurrency}] : [],
  );
  const [first] = services;
  if (first === undefined || byBatches || services.some(({account}) => account !== first.account)) return undefined;
  const {requestsPerMinute, tokensPerMinute} = {...first.rate, ...rate};
  const {concurrency} = first;
  const working = (inputs - cached) / (count * ANSWERS_A_SECOND);
  const times = {
    requestsPerMinute: requestsPerMinute && scaled(calls, 60 / requestsPerMinute),
    tokensPerMinute: tokensPerMinute && tokens && scaled(tokens, 60 / tokensPerMinute),
    concurrency: scaled(calls, latency / concurrency),
    workers: {low: working, expected: working, worst: working},
  };
  const known = Object.entries(times).filter((entry): entry is [Limit, Estimate] => typeof entry[1] === 'object');
  const [bottleneck] = known.reduce((most, next) => (next[1].expected > most[1].expected ? next : most));
  const others = Math.max(...known.map(([limit, {expected}]) => (limit === 'workers' ? 0 : expected)));
  return {
    ...{count, latency, concurrency, bottleneck},
    seconds: longestOf(known.map(([, time]) => time)),
    limits: Object.fromEntries(known.map(([limit, {expected}]) => [limit, expected])),
    ...(others > 0 && {enough: Math.max(1, Math.ceil((count * working) / others))}),
  };
}

function scaled({low, expected, worst}: Estimate, factor: number): Estimate {
  return {low: low * factor, expected: expected * factor, worst: worst * factor};
}

function longestOf(times: readonly Estimate[]): Estimate {
  const longest = (read: (time: Estimate) => number) => Math.max(...times.map(read));
  return {
    low: longest(({low}) => low),
    expected: longest(({expected}) => expected),
    worst: longest(({worst}) => worst),
  };
}
