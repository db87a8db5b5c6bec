import {InputError} from '../errors.ts';
import {checkOptions, kinds} from '../options.ts';
import {twoSidedP} from '../statistics/two-parts.ts';
import {atAllBudgets, compareScores, type Difference, type SeedScores} from './compare-scores.ts';
import {type ComparisonTest, type DifferenceVerdict, type JudgeOptions, judgementOf} from './judge.ts';

/** The scores of a method at several budgets. */
export interface MethodCurve {
  readonly name: string;
  /** One for each budget, ascending. All are of the same test examples. A budget at which every run failed has no seeds. */
  readonly scores: readonly SeedScores[];
}

/** The comparison of two methods at one budget, or over all budgets. */
export interface PairJudgement {
  /** Name of a method. */
  readonly a: string;
  /** Name of the method that it is compared with. */
  readonly b: string;
  /** Index of the budget; `curve` for the mean over all budgets. */
  readonly budget: number | 'curve';
  /** Mean score of a minus mean score of b. */
  readonly difference: number;
  /** Interval of the difference, at `confidence`. It excludes 0 exactly if `adjustedP` is at most the error. */
  readonly low: number;
  readonly high: number;
  /**
   * Probability that this interval alone contains the true difference, at least: 1 minus the error at which the
   * comparison was tested last.
   */
  readonly confidence: number;
  /** p value of this comparison alone. */
  readonly p: number;
  /** The smallest error of all verdicts together at which there is a verdict on this comparison. */
  readonly adjustedP: number;
  /** Whether a scores higher than b: `better` means that it does. */
  readonly verdict: DifferenceVerdict;
  /**
   * The smallest true difference that the study finds in 4 of 5 cases, by the error that the comparison has if no other
   * pair differs: a point estimate. NaN if students are compared, not methods.
   */
  readonly detectable: number;
}

const OPPOSITE: Readonly<Record<DifferenceVerdict, DifferenceVerdict>> = {
  better: 'worse',
  worse: 'better',
  'no difference shown': 'no difference shown',
  'too few seeds to say': 'too few seeds to say',
};

/** The same comparison with b first. */
export function turned<P extends Omit<PairJudgement, 'budget'>>(pair: P): P {
  const {a, b, difference, low, high, verdict} = pair;
  return {...pair, a: b, b: a, difference: -difference, low: -high, high: -low, verdict: OPPOSITE[verdict]};
}

/**
 * Compares every pair of methods at every budget and over all of them. The probability that any verdict of `better` or
 * `worse` is false stays within `error`, whichever methods differ.
 *
 * The procedure is one of those of Bretz, Maurer, Brannath and Posch (2009). The error is divided equally between the
 * pairs. A pair spends its share on the comparison of the curves first: the means over all budgets. If these differ, it
 * spends the share on its budgets, by Holm's method. If all of these differ too, its share goes to the other pairs. With
 * one budget there is no curve, and this is Holm's method over the pairs.
 *
 * The curve of a method has the seeds that it has at every budget. A comparison is left out if one of its methods has
 * no seed. A pair without a comparison of curves begins with its budgets.
 *
 * @returns for each pair in the order of `curves`: the comparison of the curves, then those of the budgets
 * @throws InputError if methods have different numbers of budgets, or seeds and scores don't match
 */
export function judgePairs(curves: readonly MethodCurve[], options: JudgeOptions = {}): readonly PairJudgement[] {
  checkOptions('judgePairs', options, {error: kinds.number});
  const {error = 0.05} = options;
  check(curves);
  const sums = curves.map(({scores}) => (scores.length > 1 ? sumOverBudgets(scores) : undefined));
  const pairs = curves
    .flatMap((_, a) => curves.slice(a + 1).map((_, rest) => pairOf(curves, sums, [a, a + 1 + rest])))
    .filter(isOpen);
  const tests = testInTurn(pairs, error);
  return pairs.flatMap(pair => judgedPair(pair, tests));
}

interface Comparison extends Pick<PairJudgement, 'a' | 'b' | 'budget' | 'p'> {
  readonly difference: Difference;
}

/** The comparisons of two methods that are not rejected yet. */
interface Pair<T> {
  readonly curve: T | undefined;
  readonly budgets: readonly T[];
}

function pairOf(
  curves: readonly MethodCurve[],
  sums: readonly (SeedScores | undefined)[],
  [a, b]: readonly [number, number],
): Pair<Comparison> {
  const [one, other] = [curves[a]!, curves[b]!];
  const compared = (budget: Comparison['budget'], difference: Difference): Comparison => {
    const p = twoSidedP(difference.difference, difference.variance);
    return {a: one.name, b: other.name, budget, difference, p};
  };
  const budgets = one.scores.flatMap((scores, budget) => {
    const others = other.scores[budget];
    return hasSeeds(scores) && hasSeeds(others) ? [compared(budget, compareScores(scores, others))] : [];
  });
  const [sum, otherSum] = [sums[a], sums[b]];
  if (!hasSeeds(sum) || !hasSeeds(otherSum)) return {curve: undefined, budgets};
  return {curve: compared('curve', dividedBy(compareScores(sum, otherSum), one.scores.length)), budgets};
}

function hasSeeds(scores: SeedScores | undefined): scores is SeedScores {
  return scores !== undefined && scores.seeds.length > 0;
}

/** Sums and not means, because the sums of whole scores are whole, and `compareScores` allows for their steps. */
function sumOverBudgets(scores: readonly SeedScores[]): SeedScores {
  const [first, ...others] = atAllBudgets(scores);
  const {seeds} = first!;
  const sums = first!.scores.map((row, seed) =>
    Float64Array.from(row, (value, example) =>
      others.reduce((sum, ofBudget) => sum + ofBudget.scores[seed]![example]!, value),
    ),
  );
  return {seeds, scores: sums};
}

function dividedBy(found: Difference, count: number): Difference {
  const [seeds, examples] = found.variance;
  return {
    ...found,
    difference: found.difference / count,
    variance: [
      {...seeds, variance: seeds.variance / count ** 2},
      {...examples, variance: examples.variance / count ** 2},
    ],
  };
}

/**
 * Tests the comparisons one after another, the one with the least p value for its share of the error first, until a test
 * fails. The rest is only for the p values: each becomes the least error at which its comparison would be rejected.
 */
export function testInTurn<T extends {readonly p: number}>(
  pairs: readonly Pair<T>[],
  error: number,
): ReadonlyMap<T, ComparisonTest> {
  const tests = new Map<T, ComparisonTest>();
  const first = divisorsOf(pairs);
  let [last, least, hasFailed] = [first, 0, false];
  for (let open = pairs; open.length > 0; ) {
    const divisors = divisorsOf(open);
    const corrected = (comparison: T) => comparison.p * divisors.get(comparison)!;
    const next = open.flatMap(tested).reduce((best, other) => (corrected(other) < corrected(best) ? other : best));
    least = Math.max(least, corrected(next));
    if (!hasFailed) last = divisors;
    hasFailed = least > error;
    const [ofFirst, ofLast] = [first.get(next)!, last.get(next)!];
    tests.set(next, {p: Math.min(1, least), isRejected: !hasFailed, first: error / ofFirst, last: error / ofLast});
    open = open.map(pair => without(pair, next)).filter(isOpen);
  }
  return tests;
}

/** By which number the error is divided for each comparison. Budgets have their share if the curve is rejected. */
function divisorsOf<T>(open: readonly Pair<T>[]): ReadonlyMap<T, number> {
  return new Map(
    open.flatMap(({curve, budgets}) => [
      ...(curve ? [[curve, open.length] as const] : []),
      ...budgets.map(budget => [budget, open.length * budgets.length] as const),
    ]),
  );
}

/** The comparisons of a pair that have a share of the error now. */
function tested<T>({curve, budgets}: Pair<T>): readonly T[] {
  return curve ? [curve] : budgets;
}

function without<T>({curve, budgets}: Pair<T>, rejected: T): Pair<T> {
  return {
    curve: curve === rejected ? undefined : curve,
    budgets: budgets.filter(budget => budget !== rejected),
  };
}

function isOpen<T>({curve, budgets}: Pair<T>): boolean {
  return curve !== undefined || budgets.length > 0;
}

function judgedPair(
  {curve, budgets}: Pair<Comparison>,
  tests: ReadonlyMap<Comparison, ComparisonTest>,
): readonly PairJudgement[] {
  if (curve === undefined) return budgets.map(budget => judged(budget, tests.get(budget)!));
  const ofCurve = judged(curve, tests.get(curve)!);
  const ofBudgets = budgets.map(budget => judged(budget, tests.get(budget)!));
  return [ofCurve, ...(tests.get(curve)!.isRejected ? ofBudgets : ofBudgets.map(found => untested(found, ofCurve)))];
}

function judged({a, b, budget, p, difference}: Comparison, test: ComparisonTest): PairJudgement {
  const {interval, verdict, confidence, detectable, p: adjustedP} = judgementOf(difference, test);
  const [low, high] = interval;
  return {a, b, budget, difference: difference.difference, low, high, confidence, p, adjustedP, verdict, detectable};
}

/** A budget is not tested if the curves show no difference, so nothing may be claimed of it. */
function untested(budget: PairJudgement, {verdict}: PairJudgement): PairJudgement {
  return {
    ...budget,
    low: Math.min(0, budget.low),
    high: Math.max(0, budget.high),
    verdict: verdict === 'no difference shown' ? verdict : budget.verdict,
  };
}

function check(curves: readonly MethodCurve[]): void {
  const budgets = curves.map(({scores}) => scores.length);
  if (new Set(budgets).size > 1) {
    const listed = curves.map(({name, scores}) => `${name} has ${scores.length}`).join(', ');
    throw new InputError(`Methods can be compared if each has scores for every budget, but ${listed}.`);
  }
  for (const {name, scores} of curves) {
    const lengths = new Set(scores.flatMap(ofBudget => ofBudget.scores.map(row => row.length)));
    if (lengths.size > 1) {
      throw new InputError(
        `The scores of ${name} are for ${[...lengths].join(' and ')} test examples. Give those of the same examples at ` +
          'every budget.',
      );
    }
  }
}
