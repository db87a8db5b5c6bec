import type {SeedScores} from '../../evaluate/compare-scores.ts';
import {intervalOverSeeds} from '../../evaluate/input-intervals.ts';
import {judgePairs} from '../../evaluate/judge-pairs.ts';
import {mean} from '../../evaluate/statistics.ts';
import {COSINES, RECALLS, type VectorScores} from '../../evaluate/vectors.ts';
import type {VectorAnswers} from '../../knowledge/answers.ts';
import type {Knowledge} from '../../knowledge/knowledge.ts';
import type {BudgetCost, PairVerdict} from '../budget-results.ts';
import {budgetRow, type MethodRuns, runsByBudget} from '../budgets.ts';
import type {MeasuredRuns} from '../measure.ts';
import type {TunedMethod} from '../methods.ts';
import type {MethodResult, Results} from '../results.ts';
import type {Study} from '../study.ts';
import {describeMethod} from '../summarise.ts';
import {dimensionsOf, neighboursOf} from './measure.ts';
import type {MeasuredMean, VectorMeasure, VectorMethod} from './results.ts';

interface VectorParts extends Pick<MeasuredRuns, 'runs' | 'partRuns'> {
  readonly study: Pick<Study, 'recipe'>;
  /** The teacher's, about the test split. */
  readonly vectors: VectorAnswers;
  /** Those with a run that succeeded. */
  readonly methods: readonly TunedMethod<Knowledge>[];
  readonly costs: readonly BudgetCost[];
}

/** The part of the results that measures decide. */
export type Findings = Pick<
  Results,
  'methods' | 'verdicts' | 'budgets' | 'teacherTargets' | 'teacherRelation' | 'teacherReliability' | 'vectors'
>;

/** What is found by the vectors that students and teacher give. */
export function vectorFindings({study, vectors, methods, runs, partRuns, costs}: VectorParts): Findings {
  const {budgets, drawn} = study.recipe;
  const sizes = budgets?.sizes ?? [drawn.inputs.count];
  const all = runsByBudget(sizes, methods, {runs, partRuns});
  return {
    vectors: {
      teacherDimensions: vectors.dimensions,
      studentDimensions: dimensionsOf(runs[0]!.logits, vectors),
      neighbours: neighboursOf(vectors),
    },
    methods: methods.map((method, index) => summary(method, all[index]!)),
    verdicts: verdictsOf(all, sizes),
    budgets: budgets && {
      ...budgets,
      rows: all.flatMap(({runs: own}) => own.flatMap((at, index) => at.map(run => budgetRow(run, sizes[index]!)))),
      costs,
      exchangeRates: [],
      cheapest: [],
    },
    teacherRelation: [],
    teacherReliability: [],
  };
}

/** What a method without classes has of them. */
const NO_CLASSES = {
  targets: {entropy: Number.NaN, smoothing: Number.NaN, histogram: []},
  reliability: [],
  relation: [],
  relationCorrelation: Number.NaN,
  intraClassVariance: Number.NaN,
};

function summary(method: TunedMethod<Knowledge>, {runs}: MethodRuns): MethodResult {
  const {level, method: name} = method;
  const whole = runs.at(-1)!;
  const measures = whole.map(({row}) => row.vectors!);
  const meanOf = (measure: VectorMeasure, values: readonly (number | undefined)[]) =>
    values.some(value => value === undefined)
      ? undefined
      : {mean: mean(values as readonly number[]), interval: intervalOf(whole, measure)};
  const vectors: VectorMethod = {
    meanCosine: meanOf(
      'cosine',
      measures.map(({meanCosine}) => meanCosine),
    ),
    recall: meanOf(
      'recall',
      measures.map(({recall}) => recall),
    )!,
    spearman: mean(measures.map(({spearman}) => spearman)),
  };
  return {level, method: name, description: describeMethod(method, 0), ...NO_CLASSES, vectors};
}

/** The interval of the mean over seeds and test inputs; undefined if the test inputs are too few. */
function intervalOf(runs: MethodRuns['runs'][number], measure: VectorMeasure): MeasuredMean['interval'] {
  const influences = scoresBy(runs, measure);
  if (influences === undefined) return undefined;
  if (measure === 'cosine') return intervalOverSeeds({...influences, range: COSINES});
  const scores = runs.map(run => run.scores!.recalls);
  return intervalOverSeeds({...influences, scores, influences: influences.scores, range: RECALLS});
}

/** What decides between methods; undefined if some run has no such scores. */
function scoresBy(runs: MethodRuns['runs'][number], measure: VectorMeasure): SeedScores | undefined {
  const of = ({cosines, recallInfluences}: VectorScores) => (measure === 'cosine' ? cosines : recallInfluences);
  const scores = runs.flatMap(({scores: own}) => (own && of(own)) ?? []);
  return scores.length < runs.length ? undefined : {seeds: runs.map(({row}) => row.seed), scores};
}

/**
 * Every pair of methods at every budget and over all of them, by each measure. The error is divided between the measures, so
 * that all verdicts hold together.
 */
function verdictsOf(all: readonly MethodRuns[], sizes: readonly number[]): readonly PairVerdict[] {
  const measured = (['cosine', 'recall'] as const).flatMap(measure => {
    const curves = all.map(({method, runs}) => ({
      name: method.method,
      scores: runs.flatMap(at => scoresBy(at, measure) ?? []),
    }));
    return curves.every(({scores}) => scores.length === sizes.length) ? [{measure, curves}] : [];
  });
  return measured.flatMap(({measure, curves}) =>
    judgePairs(curves, {error: 0.05 / measured.length}).map(({budget, adjustedP, ...pair}) => ({
      ...pair,
      adjustedP: Math.min(1, measured.length * adjustedP),
      budget: budget === 'curve' ? budget : sizes[budget]!,
      measure,
    })),
  );
}
