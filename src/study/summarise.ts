import type {View} from '../data/view.ts';
import {compareScores, type SeedScores} from '../evaluate/compare-scores.ts';
import {argmaxRows} from '../evaluate/distributions.ts';
import {classRelation, intraClassVariance, relationCorrelation, summariseTargets} from '../evaluate/effects.ts';
import {judge} from '../evaluate/judge.ts';
import {reliability} from '../evaluate/reliability.ts';
import {mean} from '../evaluate/statistics.ts';
import {describeDetail} from '../knowledge/coarsen.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {targetsOf} from '../losses/targets.ts';
import type {Method} from '../recipe/recipe.ts';
import type {Reference} from './asking.ts';
import type {Run} from './measure.ts';
import type {Comparison, MethodResult, Tuning} from './results.ts';

export interface SummariseOptions {
  readonly methods: readonly Method[];
  readonly runs: readonly Run[];
  /** What each method learned from. */
  readonly knowledge: ReadonlyMap<Method, Knowledge>;
  /** How each method was tuned. */
  readonly tunings: ReadonlyMap<Method, Tuning | undefined>;
  /** The view by which a method's students looked at inputs anew each epoch. */
  readonly viewOf: (method: Method) => View | undefined;
  /** How many inputs of a method were set apart to calibrate by. */
  readonly setApart: (method: Method) => number;
  readonly reference: Reference;
  readonly classes: number;
}

/** What each method's runs say together, in the order of the methods. */
export function summariseMethods(options: SummariseOptions): MethodResult[] {
  const {methods, runs, knowledge, tunings, reference, classes} = options;
  const {truth} = reference;
  const comparisons = compareMethods(options);
  const teacherRelation = reference.logits && classRelation(reference.logits, truth, classes);
  return methods.map((method, index) => {
    const own = runsOf(runs, method);
    const known = knowledge.get(method)!;
    const tuning = tunings.get(method);
    const relation = meanMatrix(own.map(({logits}) => classRelation(logits, truth, classes)));
    return {
      level: method.level,
      method: method.method,
      description: describe(method, known, options),
      targets: summariseTargets(targetsOf(known.answers, classes), {temperature: temperatureOf(method)}),
      reliability: reliability(own[0]!.logits, truth, classes),
      relation,
      relationCorrelation: teacherRelation ? relationCorrelation(relation, teacherRelation).pearson : Number.NaN,
      intraClassVariance: mean(own.map(({logits}) => intraClassVariance(logits, truth, classes))),
      ...(tuning && {tuning}),
      versusLabels: comparisons[index],
    };
  });
}

function runsOf(runs: readonly Run[], method: Method): readonly Run[] {
  return runs.filter(run => run.method === method);
}

/** Every method against the first that learns from labels alone, or else the first; judged together. */
function compareMethods({methods, runs, reference, classes}: SummariseOptions): readonly (Comparison | undefined)[] {
  const place = Math.max(
    0,
    methods.findIndex(({level}) => level === 'black-box'),
  );
  const scores = methods.map(method => agreements(runsOf(runs, method), reference, classes));
  const others = scores.filter((_, index) => index !== place);
  const differences = others.map(ofMethod => compareScores(ofMethod, scores[place]!));
  const comparisons = judge(differences).map((judgement, index): Comparison => {
    const {variance: _, ...found} = differences[index]!;
    return {baseline: methods[place]!.method, ...found, ...judgement};
  });
  return [...comparisons.slice(0, place), undefined, ...comparisons.slice(place)];
}

/** Per seed, whether student and teacher name the same class of each test example. */
function agreements(runs: readonly Run[], {labels}: Reference, classes: number): SeedScores {
  const scores = runs.map(({logits}) => {
    const named = argmaxRows(logits, classes);
    return Uint8Array.from(labels, (label, index) => (named[index] === label ? 1 : 0));
  });
  return {seeds: runs.map(({row}) => row.seed), scores};
}

function meanMatrix(matrices: readonly (readonly (readonly number[])[])[]): number[][] {
  return matrices[0]!.map((row, at) => row.map((_, column) => mean(matrices.map(matrix => matrix[at]![column]!))));
}

/** The temperature that a method's targets are learned at. */
function temperatureOf({losses}: Method): number {
  return Math.max(...losses.map(({temperature = 1}) => temperature));
}

/** What a method learned from and how, for people. */
function describe(
  method: Method,
  {detail, inputs, versions = 1}: Knowledge,
  {viewOf, setApart}: Pick<SummariseOptions, 'viewOf' | 'setApart'>,
): string {
  const {level, losses, select} = method;
  const view = viewOf(method);
  const apart = setApart(method);
  const seen = level === 'none' ? 'true labels' : describeDetail(detail);
  const count = (inputs.count / versions).toLocaleString('en-GB');
  const chosen = select ? `, chosen in rounds (${select.by.name})` : '';
  const calibrating = apart > 0 ? `, ${apart.toLocaleString('en-GB')} of them to calibrate by` : '';
  const looks = view
    ? `, each epoch by another view (${view.name})`
    : versions > 1
      ? `, ${versions} versions of each`
      : '';
  const terms = losses.map(({name, weight}) => (weight === 1 ? name : `${weight} × ${name}`));
  return `${count} inputs${chosen}${calibrating}${looks}: ${seen}, learned by ${terms.join(' + ')}`;
}
