import type {BatchLane} from '../../service-features.ts';
import type {Rate, Service, Usage} from '../../teacher.ts';
import {NO_BOUND} from '../budget/limit.ts';
import {type Charge, costOf, isByToken} from '../budget/price.ts';
import {combine, sumOf} from '../budget/tokens.ts';
import {lanePrice} from '../lane/lane.ts';
import {LANE_ATTEMPTS} from '../lane/lane-queries.ts';
import {ATTEMPTS} from '../retry.ts';
import type {Requests} from './requests.ts';

/**
 * How often a request can be sent: the attempts of `withRetry`, and once more after an answer that can't be read. The
 * inputs of a pack are then asked about alone.
 */
const MOST_SENDS = ATTEMPTS + 1;

/** A charge in its cases. */
type Cases = {readonly [K in keyof Estimate]: Charge};

/** The requests of a plan: the sure ones, the likely ones, and the most there can be. */
interface PlannedRequests {
  readonly low: Requests;
  readonly expected: Requests;
  readonly worst: Requests;
}

interface CostOptions {
  /** The service's rate, or another one that it keeps. */
  readonly rate: Rate;
  /** The batch lane that is used. */
  readonly lane: BatchLane | undefined;
  /** The mean usage of a request, if replies are kept. */
  readonly mean: Usage | undefined;
}

/** The cost of requests. */
export function costOfRequests(
  requests: PlannedRequests,
  service: Service | undefined,
  {rate, lane, mean}: CostOptions,
): PlanTotal {
  const cases = casesOf(requests, service, {mean, mostSends: lane ? LANE_ATTEMPTS : MOST_SENDS});
  const calls = across(cases, one => one.calls);
  if (service === undefined) return {calls};
  const charges = chargesOf(service, lane, rate);
  const {unbounded = requests.worst.isBounded ? undefined : NO_BOUND} = charges;
  return {calls, ...costsOf({...charges, ...(unbounded && {unbounded})}, cases)};
}

function casesOf(
  {low, expected, worst}: PlannedRequests,
  service: Service | undefined,
  {mean, mostSends}: {readonly mean: Usage | undefined; readonly mostSends: number},
): Cases {
  if (service?.worstCase === undefined) {
    return {low: {calls: low.calls}, expected: {calls: expected.calls}, worst: {calls: worst.calls * mostSends}};
  }
  const likely = (requests: Requests) =>
    mean ? combine(mean, mean, value => Math.round(value * requests.calls)) : requests.most;
  // At worst, nothing is read from a prompt cache. At best, as much as the kept replies say.
  const {cacheReadTokens: _, ...unread} = likely(worst);
  const {calls: alone, usage: ofAlone} = worst.alone;
  const together = combine(worst.most, unread, (one, other) => Math.max(one, other) * mostSends);
  const longest = ofAlone
    ? sumOf(
        together,
        combine(ofAlone, ofAlone, tokens => tokens * mostSends),
      )
    : together;
  const {cacheReadTokens = 0} = likely(low);
  const shortest = combine(low.least, likely(low), Math.min);
  return {
    low: {
      calls: low.calls,
      usage: {
        ...shortest,
        ...(cacheReadTokens > 0 && {cacheReadTokens: Math.min(shortest.inputTokens, cacheReadTokens)}),
      },
    },
    expected: {calls: expected.calls, usage: likely(expected)},
    worst: {calls: (worst.calls + alone) * mostSends, usage: longest},
  };
}

function across({low, expected, worst}: Cases, make: (charge: Charge) => number): Estimate {
  return {low: make(low), expected: make(expected), worst: make(worst)};
}

/** The prices and the rate of a service. The duration of a batch lane is unknown. */
function chargesOf(service: Service, lane: BatchLane | undefined, rate: Rate) {
  if (lane === undefined) return {...service, rate: {...service.rate, ...rate}};
  const {worstCase, unbounded} = service;
  const price = lanePrice(service, lane);
  return {...(worstCase && {worstCase}), ...(unbounded && {unbounded}), ...(price && {price})};
}

function costsOf(
  {price, worstCase, unbounded, rate = {}}: Pick<Service, 'price' | 'worstCase' | 'unbounded' | 'rate'>,
  cases: Cases,
): Omit<PlanTotal, 'calls'> {
  const {requestsPerMinute = Number.POSITIVE_INFINITY, tokensPerMinute = Number.POSITIVE_INFINITY} = rate;
  const isNothing = cases.worst.calls === 0;
  // No requests cost nothing, whatever the price.
  const known = isNothing ? {} : price;
  const open = isNothing ? undefined : unbounded;
  const isCounted = worstCase !== undefined && open === undefined;
  const isPriced = known && open?.of !== 'fees' && (isCounted || !isByToken(known));
  const minutes = (charge: Charge) => Math.max(charge.calls / requestsPerMinute, tokensOf(charge) / tokensPerMinute);
  const isPaced = isNothing || minutes(cases.worst) > 0;
  return {
    ...(isCounted && {tokens: across(cases, tokensOf)}),
    ...(isPriced && {usd: across(cases, charge => costOf(known, charge))}),
    ...(open && {unbounded: open.problem}),
    ...(isPaced && {seconds: across(cases, charge => 60 * minutes(charge))}),
  };
}

function tokensOf({usage}: Charge): number {
  return usage ? usage.inputTokens + usage.outputTokens : 0;
}

/** A number in three cases. */
export interface Estimate {
  /**
   * Every request is answered at once, as shortly as possible. Queries that only some queries lead to are not asked.
   */
  readonly low: number;
  /**
   * Every request is answered at once, with the mean tokens of kept replies, or with the most if none are kept. If
   * answers lead to further queries, it takes as many as for the inputs with kept answers, or all there can be if there
   * are none.
   */
  readonly expected: number;
  /** Every request uses the most tokens, and is sent as often as errors can require. Refusals (429) don't count. */
  readonly worst: number;
}

/** The cost of a plan, or of several together. A number is absent if it is not known for one of them. */
export interface PlanTotal {
  readonly calls: Estimate;
  /** Input and output tokens; absent if the service doesn't count them. */
  readonly tokens?: Estimate;
  /** US dollars; absent if the price is not known. */
  readonly usd?: Estimate;
  /** At the highest rate allowed; absent if none is known. */
  readonly seconds?: Estimate;
  /** Why the highest cost is unknown, and what to do. Tokens and money are absent then. */
  readonly unbounded?: string;
}

/** The total of plans that run one after another. */
export function totalOf(plans: readonly PlanTotal[]): PlanTotal {
  const tokens = sum(plans.map(plan => plan.tokens));
  const usd = sum(plans.map(plan => plan.usd));
  const seconds = sum(plans.map(plan => plan.seconds));
  const unbounded = plans.find(plan => plan.unbounded !== undefined)?.unbounded;
  return {
    calls: sum(plans.map(plan => plan.calls))!,
    ...(tokens && {tokens}),
    ...(usd && {usd}),
    ...(seconds && {seconds}),
    ...(unbounded !== undefined && {unbounded}),
  };
}

/** The total of plans that run at the same time. Plans of one account share its rate. */
export function totalAtOnce(plans: readonly {readonly account: string; readonly plan: PlanTotal}[]): PlanTotal {
  const accounts = [...new Set(plans.map(({account}) => account))];
  const times = accounts.map(
    account => totalOf(plans.filter(other => other.account === account).map(({plan}) => plan)).seconds,
  );
  const {seconds, ...total} = totalOf(plans.map(({plan}) => plan));
  if (seconds === undefined) return total;
  const longest = (read: (estimate: Estimate) => number) => Math.max(0, ...times.map(time => read(time!)));
  return {
    ...total,
    seconds: {
      low: longest(({low}) => low),
      expected: longest(({expected}) => expected),
      worst: longest(({worst}) => worst),
    },
  };
}

/** The sum; undefined if a part is undefined. */
function sum(estimates: readonly (Estimate | undefined)[]): Estimate | undefined {
  let [low, expected, worst] = [0, 0, 0];
  for (const estimate of estimates) {
    if (estimate === undefined) return undefined;
    low += estimate.low;
    expected += estimate.expected;
    worst += estimate.worst;
  }
  return {low, expected, worst};
}
