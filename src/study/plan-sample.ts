import type {Estimate, PlanTotal} from '../ask/plan/cost.ts';
import {type AskPlan, type PlanOptions, planAsking} from '../ask/plan/plan.ts';
import {type Inputs, selectInputs} from '../data/inputs.ts';
import {SAMPLED_RUNS} from '../recipe/transfer.ts';
import {upperBound} from '../statistics/bounds.ts';
import {criticalT} from '../statistics/distributions.ts';
import type {Teacher} from '../teacher.ts';

/** The least and the most that a number of the whole set is, with 95 % confidence. */
export type Interval = readonly [low: number, high: number];

/** What an estimate by a sample rests on. */
export interface Estimated {
  /** Inputs of the sample. */
  readonly sampled: number;
  /**
   * Of numbers of the whole set, 95 % intervals: the inputs to ask about, and what is expected. A number is absent if it is
   * not known.
   */
  readonly intervals: {
    readonly open: Interval;
    readonly calls: Interval;
    readonly tokens?: Interval;
    readonly usd?: Interval;
  };
}

/**
 * Estimates what it takes to ask about a set, by a sample of it. Asks nobody.
 *
 * @param inputs - of the sample, see `sampledRuns`
 * @param size - number of inputs of the set
 */
export async function estimateWhole(
  teacher: Teacher,
  inputs: Inputs,
  {size, ...options}: PlanOptions & {readonly size: number},
): Promise<AskPlan & Partial<Estimated>> {
  if (inputs.count === size) return planAsking(teacher, inputs, options);
  const before = new Map(options.planned);
  const plan = await planAsking(teacher, inputs, options);
  const runs: AskPlan[] = [];
  const length = inputs.count / SAMPLED_RUNS;
  for (let run = 0; run < SAMPLED_RUNS; run++) {
    const rows = Array.from({length}, (_, row) => run * length + row);
    runs.push(await planAsking(teacher, selectInputs(inputs, rows), {...options, planned: new Map(before)}));
  }
  const whole = wholeOf(plan, size / inputs.count);
  const interval = (read: (plan: AskPlan) => number) => intervalOf(runs.map(read), read(whole), inputs.count / size);
  const {inputs: asked} = whole;
  return {
    ...whole,
    sampled: inputs.count,
    intervals: {
      open: interval(openIn).map(open => Math.min(asked, Math.round(open))) as unknown as Interval,
      calls: interval(({calls}) => calls.expected).map(Math.round) as unknown as Interval,
      ...(plan.tokens && {tokens: interval(({tokens}) => tokens!.expected)}),
      ...(plan.usd && {usd: interval(({usd}) => usd!.expected)}),
    },
  };
}

function openIn({inputs, cached, pending = 0}: AskPlan): number {
  return inputs - cached - pending;
}

const ERROR = 0.05;

/**
 * The interval of a total by Student's t over the runs of a sample, one of which is drawn in each of as many equal parts
 * of the set (Cochran, Sampling Techniques, 1977, sections 5A.8 and 9.3: as if they were drawn from the whole, which is
 * wider). If all runs are equal, some part of the set may still differ: as much as an exact bound on a share allows.
 *
 * @param total - estimate of the whole set
 * @param share - of the set that was sampled
 */
export function intervalOf(values: readonly number[], total: number, share: number): Interval {
  const {length} = values;
  const mean = values.reduce((sum, value) => sum + value, 0) / length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (length - 1);
  const half = values.every(value => value === values[0])
    ? total * upperBound(0, length, ERROR / 2)
    : (criticalT(ERROR, length - 1) * Math.sqrt(((1 - share) * variance) / length) * length) / share;
  return [Math.max(0, total - half), total + half];
}

/** A plan of a sample, for the whole set. */
function wholeOf(plan: AskPlan, times: number): AskPlan {
  const {inputs, cached, imported, pending, parts, ...others} = plan;
  const count = (value: number) => Math.round(value * times);
  return {
    ...others,
    ...totalTimes(plan, times),
    inputs: count(inputs),
    cached: count(cached),
    ...(imported !== undefined && {imported: count(imported)}),
    ...(pending !== undefined && {pending: count(pending)}),
    ...(parts && {parts: parts.map(part => wholeOf(part, times))}),
  };
}

/** A total so many times. */
export function totalTimes({calls, tokens, usd, seconds}: PlanTotal, times: number): PlanTotal {
  const timesEach = (estimate: Estimate, round: (value: number) => number): Estimate => ({
    low: round(estimate.low * times),
    expected: round(estimate.expected * times),
    worst: round(estimate.worst * times),
  });
  const exactly = (value: number) => value;
  return {
    calls: timesEach(calls, Math.round),
    ...(tokens && {tokens: timesEach(tokens, Math.round)}),
    ...(usd && {usd: timesEach(usd, exactly)}),
    ...(seconds && {seconds: timesEach(seconds, exactly)}),
  };
}
