import {compareScores} from '../evaluate/compare-scores.ts';
import {classRelation, intraClassVariance, relationCorrelation, summariseTargets} from '../evaluate/effects.ts';
import {judge} from '../evaluate/judge.ts';
import type {PairJudgement} from '../evaluate/judge-pairs.ts';
import {reliability} from '../evaluate/reliability.ts';
import {mean} from '../evaluate/statistics.ts';
import {describeDetail} from '../knowledge/coarsen.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {targetsOf} from '../losses/targets.ts';
import {strategyName} from '../select/options.ts';
import {twoSidedP} from '../statistics/two-parts.ts';
import type {PairVerdict} from './budget-results.ts';
import {againstLargest, scoresOf} from './budgets.ts';
import {measureAnswers, type Run} from './measure.ts';
import type {TunedMethod} from './methods.ts';
import type {Reference} from './reference.ts';
import type {Comparison, MethodResult, Results} from './results.ts';

export interface SummariseOptions {
  readonly methods: readonly SummarisedMethod[];
  readonly runs: readonly (Omit<Run, 'method'> & {readonly method: SummarisedMethod})[];
  readonly reference: Reference;
  readonly truth: Results['truth'];
  readonly classes: number;
  /** The verdicts on all pairs at all budgets; without budgets, methods are judged against the baseline alone. */
  readonly pairs?: readonly PairJudgement[] | undefined;
}

/** The part of a method that a summary is about. */
export type SummarisedMethod = Pick<
  TunedMethod<Knowledge>,
  'level' | 'method' | 'losses' | 'select' | 'viewing' | 'knowledge' | 'apart' | 'tuning'
>;

/** The runs of each method together, in the order of the methods. */
export function summariseMethods(options: SummariseOptions): MethodResult[] {
  const {methods, runs, reference, classes} = options;
  const {truth} = reference;
  const comparisons = compareMethods(options);
  const teacherRelation = reference.logits && classRelation(reference.logits, truth, classes);
  return methods.map((method, index) => {
    const own = runsOf(runs, method);
    const {knowledge, apart, tuning} = method;
    const relation = meanMatrix(own.map(({logits}) => classRelation(logits, truth, classes)));
    return {
      level: method.level,
      method: method.method,
      description: describeMethod(method, apart.calibrationInputs.length),
      targets: summariseTargets(targetsOf(knowledge.answers, classes), {temperature: temperatureOf(method)}),
      reliability: reliability(own[0]!.logits, truth, classes),
      relation,
      relationCorrelation: teacherRelation ? relationCorrelation(relation, teacherRelation).pearson : Number.NaN,
      intraClassVariance: mean(own.map(({logits}) => intraClassVariance(logits, truth, classes))),
      ...measureAnswers(own, options),
      tuning,
      versusLabels: comparisons[index],
    };
  });
}

function runsOf(runs: SummariseOptions['runs'], method: SummarisedMethod): SummariseOptions['runs'] {
  return runs.filter(run => run.method === method);
}

/** Every method against the first that learns from labels alone, or else the first; judged together. */
function compareMethods({methods, runs, pairs}: SummariseOptions): readonly (Comparison | undefined)[] {
  const first = Math.max(
    0,
    methods.findIndex(({level}) => level === 'black-box'),
  );
  const scores = methods.map(method => scoresOf(runsOf(runs, method)));
  const others = scores.filter((_, index) => index !== first);
  const differences = others.map(ofMethod => compareScores(ofMethod, scores[first]!));
  const baseline = methods[first]!.method;
  const names = methods.filter((_, index) => index !== first).map(({method}) => method);
  // All pairs are judged together, so that methods are not judged once more against the baseline alone.
  const judged = pairs ? [] : judge(differences);
  const comparisons = differences.map(({variance, ...found}, index): Comparison => {
    const judgement = pairs && againstLargest(pairs, {method: names[index]!, baseline});
    const pAlone = twoSidedP(found.difference, variance);
    return {baseline, ...found, ...(judgement ?? judged[index]!), pAlone};
  });
  return [...comparisons.slice(0, first), undefined, ...comparisons.slice(first)];
}

/** The comparisons with the baseline, as a list of verdicts. */
export function verdictsOfMethods(methods: readonly MethodResult[], budget: number): readonly PairVerdict[] {
  return methods.flatMap(({method: a, versusLabels}): readonly PairVerdict[] => {
    if (versusLabels === undefined) return [];
    const {baseline: b, difference, interval, confidence, p: adjustedP, pAlone: p = adjustedP} = versusLabels;
    const {verdict, detectable} = versusLabels;
    const [low, high] = interval;
    const found = {difference, low, high, confidence, p, adjustedP, verdict, detectable};
    return [{a, b, budget, measure: 'agreement', ...found}];
  });
}

function meanMatrix(matrices: readonly (readonly (readonly number[])[])[]): number[][] {
  return matrices[0]!.map((row, at) => row.map((_, column) => mean(matrices.map(matrix => matrix[at]![column]!))));
}

/** The temperature that a method's targets are learned at. */
function temperatureOf({losses}: SummarisedMethod): number {
  return Math.max(...losses.map(({temperature = 1}) => temperature));
}

/**
 * Says what a method learned from and how.
 *
 * @param apart - number of inputs that were set apart to calibrate
 */
export function describeMethod(
  {level, losses, select, viewing: {view}, knowledge}: SummarisedMethod,
  apart: number,
): string {
  const {detail, inputs, versions = 1} = knowledge;
  const seen = level === 'none' ? 'true labels' : describeDetail(detail);
  const count = (inputs.count / versions).toLocaleString('en-GB');
  const chosen = select ? `, chosen in rounds (${strategyName(select)})` : '';
  const calibrating = apart > 0 ? `, ${apart.toLocaleString('en-GB')} of them to calibrate by` : '';
  const looks = view
    ? `, each epoch by another view (${view.name})`
    : versions > 1
      ? `, ${versions} versions of each`
      : '';
  const terms = losses.map(({name, weight}) => (weight === 1 ? name : `${weight} × ${name}`));
  return `${count} inputs${chosen}${calibrating}${looks}: ${seen}, learned by ${terms.join(' + ')}`;
}
