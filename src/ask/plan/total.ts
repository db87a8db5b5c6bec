/** A number as it may turn out. */
export interface Estimate {
  /** Every request answered at once, as shortly as can be; none that only some questions lead to. */
  readonly low: number;
  /**
   * Every request answered at once, with as many tokens as kept replies took; where none are kept, with the most. Where
   * answers lead to further questions, as many as for the inputs that are kept; where none are, all there may be.
   */
  readonly expected: number;
  /** Every request with the most tokens, and sent as often as errors may make it; refusals (429) aside. */
  readonly worst: number;
}

/** What a plan takes, or several together; a number is absent where it is not known of one of them. */
export interface PlanTotal {
  readonly calls: Estimate;
  /** Input and output tokens; absent where the service doesn't count them. */
  readonly tokens?: Estimate;
  /** US dollars; absent where the price is not known. */
  readonly usd?: Estimate;
  /** As the rate allows at best; absent where none is known. */
  readonly seconds?: Estimate;
  /** Why nobody can say the most that it costs, and what to do: tokens and money are absent then. */
  readonly unbounded?: string;
}

/** Of plans that are carried out one after another. */
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

/** Of plans that are carried out at the same time: those of one account share its rate. */
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

/** Undefined where one is. */
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
