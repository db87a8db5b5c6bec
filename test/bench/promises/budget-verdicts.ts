/** False verdicts, power and coverage of `judgePairs` and `exchangeRate`, over studies of five budgets. */
import {seededRandom} from '../../../src/data/random.ts';
import {exchangeRate} from '../../../src/evaluate/exchange-rate.ts';
import {judgePairs, type MethodCurve, type PairJudgement} from '../../../src/evaluate/judge-pairs.ts';
import {mean} from '../../../src/evaluate/statistics.ts';
import {upperBound} from '../../../src/statistics/bounds.ts';
import {BUDGETS, type DrawnMethod, drawStudy, KINDS, type KindDifference, LINE} from './budget-studies.ts';

/** The line, higher by an amount at each budget. */
const raised = (...by: readonly number[]) => LINE.map((agreement, budget) => agreement + (by[budget] ?? by[0]!));
const method = (name: string, kind: string, agreement: readonly number[] = LINE): DrawnMethod => ({
  ...{name, kind, agreement},
});

const EQUAL = ['a', 'b', 'c', 'd', 'e'].map(name => method(name, name));
/**
 * A level, a copy of it, another that is equal, one with a tenth of its answers shuffled, one that is better at small
 * budgets only. Shuffling costs the demo's students 5.5 points with 500 labels and 3 with 2,000, 6.5 and 1.4 with
 * log-probabilities.
 */
const SOME_DIFFER = [
  method('level', 'level'),
  method('copy', 'level'),
  method('equal', 'equal'),
  method('shuffled', 'level', raised(-0.06, -0.055, -0.04, -0.014, -0.01)),
  method('better at first', 'better at first', raised(0.03, 0.02, 0, 0, 0)),
];
const WORLDS = {'all equal': EQUAL, 'some differ': SOME_DIFFER} as const;

/** The verdicts of many studies. */
export interface BudgetVerdictRow {
  readonly world: keyof typeof WORLDS;
  readonly kinds: KindDifference;
  readonly seeds: number;
  readonly studies: number;
  /** Studies with any `better` or `worse` of methods that are truly equal there, or of the wrong sign. */
  readonly falseStudies: number;
  /** Exact upper bound of the probability of such a study, at 95 %. */
  readonly mostFalse: number;
  /** Studies in which the copy differs from its level at no budget and not over the curve; NaN without a copy. */
  readonly copiesEqual: number;
  /** Studies in which the shuffled level is worse over the curve; NaN without one. */
  readonly shuffledWorse: number;
  /** Share of true differences that are found: of the curves, and of the budgets. */
  readonly power: {readonly curve: number; readonly budgets: number};
}

export interface BudgetVerdictOptions {
  /** @default 100, and 150 of exchange rates */
  readonly studies?: number;
  /** @default [3, 5] */
  readonly seeds?: readonly number[];
}

/** Draws studies of five methods at five budgets. The same numbers each time. */
export function budgetVerdictRows({studies = 100, seeds = [3, 5]}: BudgetVerdictOptions = {}): BudgetVerdictRow[] {
  const worlds = Object.keys(WORLDS) as (keyof typeof WORLDS)[];
  const kinds = Object.keys(KINDS) as KindDifference[];
  return worlds.flatMap(world =>
    kinds.flatMap(kind => seeds.map(count => verdictRow({world, kinds: kind, seeds: count, studies}))),
  );
}

function verdictRow({world, kinds, seeds, studies}: Pick<BudgetVerdictRow, 'world' | 'kinds' | 'seeds' | 'studies'>) {
  const methods = WORLDS[world];
  const random = seededRandom(seeds, `${world} ${kinds}`);
  const found = Array.from({length: studies}, () =>
    judgePairs(drawStudy(methods, {seeds, kinds, random})).map(judged => ({
      ...judged,
      truth: truthOf(methods, judged),
    })),
  );
  const falseStudies = found.filter(study => study.some(isFalse)).length;
  const differing = found.flat().filter(({truth}) => truth !== 0);
  const hasCopy = methods === SOME_DIFFER;
  return {
    ...{world, kinds, seeds, studies, falseStudies, mostFalse: upperBound(falseStudies, studies, 0.05)},
    copiesEqual: hasCopy ? found.filter(study => !study.some(one => isCopy(one) && isFound(one))).length : Number.NaN,
    shuffledWorse: hasCopy ? found.filter(study => study.some(isShuffledWorse)).length : Number.NaN,
    power: {
      curve: shareFound(differing.filter(({budget}) => budget === 'curve')),
      budgets: shareFound(differing.filter(({budget}) => budget !== 'curve')),
    },
  };
}

type Judged = PairJudgement & {readonly truth: number};

function truthOf(methods: readonly DrawnMethod[], {a, b, budget}: PairJudgement): number {
  const [one, other] = [a, b].map(name => methods.find(method => method.name === name)!.agreement);
  const differences = one!.map((agreement, index) => agreement - other![index]!);
  const truth = budget === 'curve' ? mean(differences) : differences[budget]!;
  return Math.abs(truth) < 1e-12 ? 0 : truth;
}

const isFound = ({verdict}: PairJudgement): boolean => verdict === 'better' || verdict === 'worse';
const isFalse = ({truth, ...judged}: Judged): boolean =>
  isFound(judged) && (judged.verdict === 'better' ? truth <= 0 : truth >= 0);
const isCopy = ({a, b}: PairJudgement): boolean => a === 'level' && b === 'copy';
const isShuffledWorse = ({a, b, budget, verdict}: PairJudgement): boolean =>
  a === 'level' && b === 'shuffled' && budget === 'curve' && verdict === 'better';
const shareFound = (list: readonly PairJudgement[]): number => mean(list.map(one => (isFound(one) ? 1 : 0)));

/** The intervals of exchange rates of many studies. */
export interface ExchangeRow {
  readonly kinds: KindDifference;
  readonly seeds: number;
  readonly rates: number;
  /** Intervals that contain the true number; one outside the measured budgets is in an interval that is open there. */
  readonly covered: number;
  /** Median of upper end / lower end of the intervals with two ends. */
  readonly width: number;
}

/** Draws studies of two methods, one of which is better by 2 points at each budget. The same numbers each time. */
export function exchangeRows({studies = 150, seeds = [3, 5]}: BudgetVerdictOptions = {}): ExchangeRow[] {
  const kinds = Object.keys(KINDS) as KindDifference[];
  return kinds.flatMap(kind => seeds.map(count => exchangeRow(kind, count, studies)));
}

function exchangeRow(kinds: KindDifference, seeds: number, studies: number): ExchangeRow {
  const methods = [method('line', 'line'), method('better', 'better', raised(0.02))];
  const random = seededRandom(seeds, `exchange ${kinds}`);
  const found = Array.from({length: studies}, () => {
    const [line, better] = drawStudy(methods, {seeds, kinds, random}) as [MethodCurve, MethodCurve];
    return better.scores.map((scores, budget) => {
      const {low, high} = exchangeRate(scores, {budgets: BUDGETS, scores: line.scores})!;
      const [from, to] = [low ?? 0, high ?? Number.POSITIVE_INFINITY];
      const position = (methods[1]!.agreement[budget]! - LINE[0]!) / (LINE[1]! - LINE[0]!);
      const truth = BUDGETS[0]! * 2 ** position;
      return {
        isCovered: from <= truth && (truth <= to || (truth > BUDGETS.at(-1)! && high === null)),
        width: to / from,
      };
    });
  }).flat();
  const widths = found
    .map(({width}) => width)
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
  return {
    ...{kinds, seeds, rates: found.length, covered: found.filter(({isCovered}) => isCovered).length},
    width: widths[widths.length >> 1] ?? Number.NaN,
  };
}

/** All figures of this part. */
export function measureBudgets(options: BudgetVerdictOptions = {}) {
  return {verdicts: budgetVerdictRows(options), exchange: exchangeRows(options)};
}

/** The figures as two tables; shares in per cent. */
export function budgetText({verdicts, exchange}: ReturnType<typeof measureBudgets>): string {
  const percent = (share: number) => (Number.isNaN(share) ? '-' : (share * 100).toFixed(1)).padStart(6);
  const head =
    'world        kinds   seeds  studies  false  at most  copies equal  shuffled worse  power: curve  budgets';
  const rows = verdicts.map(row =>
    [
      row.world.padEnd(11),
      row.kinds.padEnd(6),
      String(row.seeds).padStart(6),
      String(row.studies).padStart(7),
      String(row.falseStudies).padStart(5),
      percent(row.mostFalse),
      percent(row.copiesEqual / row.studies).padStart(12),
      percent(row.shuffledWorse / row.studies).padStart(14),
      percent(row.power.curve).padStart(12),
      percent(row.power.budgets),
    ].join('  '),
  );
  const studies = verdicts.reduce((sum, row) => sum + row.studies, 0);
  const wrong = verdicts.reduce((sum, row) => sum + row.falseStudies, 0);
  const rates = exchange.map(
    ({kinds, seeds, rates, covered, width}) =>
      `exchange rates, ${kinds}, ${seeds} seeds: ${covered} of ${rates} intervals hold the true number ` +
      `(${percent(covered / rates).trim()} %), upper / lower end ${width.toFixed(2)}`,
  );
  const all = `all: ${wrong} of ${studies} studies with a false verdict, at most ${percent(upperBound(wrong, studies, 0.05)).trim()} %`;
  return [head, ...rows, all, ...rates].join('\n');
}
