import {InputError} from '../errors.ts';
import {checkOptions, kinds} from '../options.ts';
import {reach} from '../statistics/two-parts.ts';
import {
  atAllBudgets,
  type Difference,
  differenceOf,
  type MeanSquares,
  meanSquares,
  type SeedScores,
} from './compare-scores.ts';
import {mean} from './statistics.ts';

/** The scores of a method at several budgets. */
export interface BudgetScores {
  /** Numbers of inputs, ascending; at least two. */
  readonly budgets: readonly number[];
  /** One for each budget. */
  readonly scores: readonly SeedScores[];
}

/** The number of inputs of another method that teach as much as a method's own. */
export interface Exchange {
  /** Mean score of the method, its agreement with the teacher. */
  readonly agreement: number;
  /** The least number of inputs of the other method with the same mean score; null if it is outside the measured range. */
  readonly worth: number | null;
  /** Lower end of the interval of `worth`; null if the interval begins below the smallest budget. */
  readonly low: number | null;
  /** Upper end of the interval of `worth`; null if the interval ends above the largest budget. */
  readonly high: number | null;
  /** Probability that the interval contains the true number, for this one alone. NaN with one seed: there is no interval. */
  readonly confidence: number;
}

export interface ExchangeOptions {
  /** @default 0.95 */
  readonly confidence?: number;
}

/**
 * How many inputs of another method teach as much as a method's students have learned.
 *
 * Between two budgets, the scores of the other method are interpolated for each seed and example, linearly in the
 * logarithm of the budget. At each number of inputs the two methods are then compared by `compareScores`. The interval
 * goes from the least to the greatest number at which this test does not reject that both are equal, as Fieller's
 * interval (1954) does for a ratio. Both the seeds and the test examples are random in it.
 *
 * It assumes that the mean score is linear in the logarithm of the budget between two measured budgets. Then the
 * interval contains any one number at which both methods are truly equal with a probability of `confidence`, as exactly
 * as the test keeps its error, whether the curve of the other method rises everywhere or not. If the curve passes the
 * same score several times, the interval spans them all, and `worth` is the first. If the true number is outside the
 * measured range, the interval is open at that end with the same probability.
 *
 * Seeds that the other method lacks at a budget are left out at all of them.
 *
 * @returns undefined if a method has no seed, or the other one none that it has at every budget
 * @throws InputError if the budgets are not ascending, or seeds and scores don't match
 */
export function exchangeRate(
  of: SeedScores,
  inAnswersOf: BudgetScores,
  options: ExchangeOptions = {},
): Exchange | undefined {
  checkOptions('exchangeRate', options, {confidence: kinds.number});
  const {confidence = 0.95} = options;
  check(inAnswersOf);
  const scores = atAllBudgets(inAnswersOf.scores);
  if (of.seeds.length === 0 || scores[0]!.seeds.length === 0) return undefined;
  const line = new ComparedLine(of, scores);
  const behind = line.atBudgets.map(difference => -difference);
  const equal = behind[0]! > 0 ? undefined : firstReach(behind, 0);
  const inputs = (position: number | undefined) =>
    position === undefined ? null : budgetAt(inAnswersOf.budgets, position);
  const shared = {agreement: mean(of.scores.map(mean)), worth: inputs(equal)};
  if (line.at(0).between === 'students') return {...shared, low: null, high: null, confidence: Number.NaN};
  const positions = line.positions();
  const low = edge(positions, line, {error: 1 - confidence, sign: 1});
  const high = edge(positions.reverse(), line, {error: 1 - confidence, sign: -1});
  return {...shared, low: inputs(low), high: inputs(high), confidence};
}

/** Points between two budgets at which the test is made. Its ends are then found by bisection. */
const STEPS = 32;

/**
 * A method compared with another one along the budgets of the latter. A position is the index of a budget, or a
 * fraction between two of them.
 */
class ComparedLine {
  readonly #budgets: readonly MeanSquares[];
  /** Halfway between a budget and the next. */
  readonly #halves: readonly MeanSquares[];

  constructor(of: SeedScores, scores: readonly SeedScores[]) {
    this.#budgets = scores.map(ofBudget => meanSquares(of, ofBudget));
    this.#halves = scores.slice(1).map((next, index) => meanSquares(of, halfway(scores[index]!, next)));
  }

  /** The difference at each budget. */
  get atBudgets(): readonly number[] {
    return this.#budgets.map(({difference}) => difference);
  }

  /** The variances are quadratic functions of the position, which three values determine. */
  at(position: number): Difference {
    const start = Math.min(Math.floor(position), this.#halves.length - 1);
    const [from, half, to] = [this.#budgets[start]!, this.#halves[start]!, this.#budgets[start + 1]!];
    const share = position - start;
    const quadratic = (a: number, b: number, c: number): number =>
      (1 - share) * (1 - 2 * share) * a + 4 * share * (1 - share) * b + share * (2 * share - 1) * c;
    return differenceOf({
      ...half,
      difference: (1 - share) * from.difference + share * to.difference,
      ofSeeds: half.ofSeeds.map((value, side) => Math.max(0, quadratic(from.ofSeeds[side]!, value, to.ofSeeds[side]!))),
      ofExamples: quadratic(from.ofExamples, half.ofExamples, to.ofExamples),
    });
  }

  /** Ascending positions, among them those at which the difference is 0. */
  positions(): number[] {
    const differences = this.atBudgets;
    const found = this.#halves.flatMap((_, start) => {
      const [from, to] = [differences[start]!, differences[start + 1]!];
      const zero = from * to < 0 ? [start + from / (from - to)] : [];
      return [...Array.from({length: STEPS}, (_, step) => start + step / STEPS), ...zero];
    });
    return [...found, this.#halves.length].sort((a, b) => a - b);
  }
}

/**
 * The first position at which the test does not reject that both are equal. Undefined if the interval is open at this
 * end: the first position is not rejected, or the difference there has the other sign. The last position if all are
 * rejected.
 */
function edge(
  positions: readonly number[],
  line: ComparedLine,
  {error, sign}: {readonly error: number; readonly sign: 1 | -1},
): number | undefined {
  const isRejected = (position: number): boolean => {
    const {difference, variance} = line.at(position);
    // A difference of 0 is so but for rounding.
    return Math.abs(difference) > reach(error, variance) + 1e-12;
  };
  const start = positions[0]!;
  if (!isRejected(start) || line.at(start).difference * sign < 0) return undefined;
  const index = positions.findIndex(position => !isRejected(position));
  if (index < 0) return positions.at(-1);
  let [rejected, kept] = [positions[index - 1]!, positions[index]!];
  while (Math.abs(kept - rejected) > 1e-7) {
    const middle = (rejected + kept) / 2;
    if (isRejected(middle)) rejected = middle;
    else kept = middle;
  }
  return kept;
}

function halfway(from: SeedScores, to: SeedScores): SeedScores {
  return {
    seeds: from.seeds,
    scores: from.scores.map((row, seed) => {
      const other = to.scores[seed]!;
      return new Float64Array(row.length).map((_, example) => (row[example]! + other[example]!) / 2);
    }),
  };
}

/** The first position at which values, linear between their indices, are as high as wanted. */
function firstReach(values: readonly number[], wanted: number): number | undefined {
  const index = values.findIndex(value => value >= wanted);
  if (index <= 0) return index < 0 ? undefined : 0;
  const [from, to] = [values[index - 1]!, values[index]!];
  return index - 1 + (wanted - from) / (to - from);
}

/** The number of inputs at a position. */
function budgetAt(budgets: readonly number[], position: number): number {
  const start = Math.floor(position);
  const from = budgets[start]!;
  return position === start ? from : from * (budgets[start + 1]! / from) ** (position - start);
}

function check({budgets, scores}: BudgetScores): void {
  const isAscending = budgets.every((budget, index) => budget > (budgets[index - 1] ?? 0));
  if (budgets.length > 1 && budgets.length === scores.length && isAscending) return;
  throw new InputError(
    'An exchange rate needs scores at two or more budgets, ascending: got ' +
      `${scores.length} scores for the budgets ${budgets.join(', ')}.`,
  );
}

/** The mean agreement of a method with the teacher, and its cost, at several budgets. */
export interface CostCurve {
  readonly name: string;
  /** Numbers of inputs, ascending. */
  readonly budgets: readonly number[];
  /** One for each budget, as all that follow. */
  readonly agreement: readonly number[];
  /** Expected number of requests. */
  readonly calls: readonly number[];
  /** Expected US dollars, if the price is known. */
  readonly usd?: readonly number[] | undefined;
}

/** The method that reaches an agreement at the least cost. */
export interface Cheapest {
  /** The wanted agreement with the teacher. */
  readonly agreement: number;
  readonly name: string;
  /** The least number of inputs at which the method reaches it; no less than the smallest measured budget. */
  readonly budget: number;
  /** Expected number of requests. */
  readonly calls: number;
  /** Expected US dollars. Absent if the price of a method that reaches it is not known. The least calls decide then. */
  readonly usd?: number | undefined;
}

/**
 * The cheapest method for each of at most twelve round values of agreement, from the lowest that a method has to the
 * highest: by dollars if they are known for all methods that reach it, by requests if not. Of two that cost the same it is
 * the one with fewer requests, and then with fewer inputs. Between measured budgets, agreement is linear in the logarithm of the budget, and cost in the
 * budget. All are point estimates.
 */
export function cheapest(curves: readonly CostCurve[]): readonly Cheapest[] {
  return roundValues(curves.flatMap(({agreement}) => agreement)).flatMap(agreement => {
    const found = curves.flatMap(curve => pointOf(curve, agreement) ?? []);
    const isPriced = found.every(({usd}) => usd !== undefined);
    const cost = ({calls, usd}: Cheapest): number => (isPriced ? usd! : calls);
    const [least] = found.sort((a, b) => cost(a) - cost(b) || a.calls - b.calls || a.budget - b.budget);
    if (least === undefined) return [];
    const {usd, ...others} = least;
    return [isPriced ? {...others, usd} : others];
  });
}

function pointOf({name, budgets, agreement, calls, usd}: CostCurve, wanted: number): Cheapest | undefined {
  const position = firstReach(agreement, wanted - 1e-9);
  if (position === undefined) return undefined;
  // A position just above an index is rounding.
  const budget = Math.ceil(budgetAt(budgets, position) - 1e-6);
  const start = Math.max(0, budgets.findIndex(one => one >= budget) - 1);
  const share = budgets.length > 1 ? (budget - budgets[start]!) / (budgets[start + 1]! - budgets[start]!) : 0;
  const between = (values: readonly number[]): number =>
    share === 0 ? values[start]! : values[start]! + share * (values[start + 1]! - values[start]!);
  return {agreement: wanted, name, budget, calls: between(calls), usd: usd && between(usd)};
}

/** Thousandths. */
const ROUND_STEPS = [1, 2, 5, 10, 20, 50, 100];
const MOST_VALUES = 12;

/** Multiples of the finest round step of which at most twelve are needed, from the last one below all values. */
function roundValues(values: readonly number[]): readonly number[] {
  if (values.length === 0) return [];
  const multiples = (value: number, step: number): number => Math.floor((value * 1000) / step + 1e-9);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const step = ROUND_STEPS.find(step => multiples(most, step) - multiples(least, step) < MOST_VALUES)!;
  const first = multiples(least, step);
  return Array.from({length: multiples(most, step) - first + 1}, (_, index) => ((first + index) * step) / 1000);
}
