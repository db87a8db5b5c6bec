import {compareScores, type SeedScores} from '../evaluate/compare-scores.ts';
import {argmaxRows} from '../evaluate/distributions.ts';
import {classRelation, intraClassVariance, relationCorrelation, summariseTargets} from '../evaluate/effects.ts';
import {judge} from '../evaluate/judge.ts';
import {reliability} from '../evaluate/reliability.ts';
import {mean} from '../evaluate/statistics.ts';
import {describeDetail} from '../knowledge/coarsen.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {targetsOf} from '../losses/targets.ts';
import type {Recipe} from '../recipe/recipe.ts';
import type {Reference} from './asking.ts';
import {inputsApart} from './divide.ts';
import type {Run} from './measure.ts';
import type {TunedMethod} from './methods.ts';
import type {Comparison, MethodResult} from './results.ts';

export interface SummariseOptions {
  readonly recipe: Pick<Recipe, 'calibration'>;
  readonly methods: readonly SummarisedMethod[];
  readonly runs: readonly (Omit<Run, 'method'> & {readonly method: SummarisedMethod})[];
  readonly reference: Reference;
  readonly classes: number;
}

/** The part of a method that a summary is about. */
type SummarisedMethod = Pick<
  TunedMethod<Knowledge>,
  'level' | 'method' | 'losses' | 'select' | 'viewing' | 'knowledge' | 'tuning'
>;

/** The runs of each method together, in the order of the methods. */
export function summariseMethods(options: SummariseOptions): MethodResult[] {
  const {recipe, methods, runs, reference, classes} = options;
  const {truth} = reference;
  const comparisons = compareMethods(options);
  const teacherRelation = reference.logits && classRelation(reference.logits, truth, classes);
  return methods.map((method, index) => {
    const own = runsOf(runs, method);
    const {knowledge, tuning} = method;
    const {calibrationInputs} = inputsApart(recipe, method, knowledge);
    const relation = meanMatrix(own.map(({logits}) => classRelation(logits, truth, classes)));
    return {
      level: method.level,
      method: method.method,
      description: describe(method, calibrationInputs.length),
      targets: summariseTargets(targetsOf(knowledge.answers, classes), {temperature: temperatureOf(method)}),
      reliability: reliability(own[0]!.logits, truth, classes),
      relation,
      relationCorrelation: teacherRelation ? relationCorrelation(relation, teacherRelation).pearson : Number.NaN,
      intraClassVariance: mean(own.map(({logits}) => intraClassVariance(logits, truth, classes))),
      tuning,
      versusLabels: comparisons[index],
    };
  });
}

function runsOf(runs: SummariseOptions['runs'], method: SummarisedMethod): SummariseOptions['runs'] {
  return runs.filter(run => run.method === method);
}

/** Every method against the first that learns from labels alone, or else the first; judged together. */
function compareMethods({methods, runs, reference, classes}: SummariseOptions): readonly (Comparison | undefined)[] {
  const first = Math.max(
    0,
    methods.findIndex(({level}) => level === 'black-box'),
  );
  const scores = methods.map(method => agreements(runsOf(runs, method), reference, classes));
  const others = scores.filter((_, index) => index !== first);
  const differences = others.map(ofMethod => compareScores(ofMethod, scores[first]!));
  const comparisons = judge(differences).map((judgement, index): Comparison => {
    const {variance: _, ...found} = differences[index]!;
    return {baseline: methods[first]!.method, ...found, ...judgement};
  });
  return [...comparisons.slice(0, first), undefined, ...comparisons.slice(first)];
}

/** Per seed, whether student and teacher name the same class of each test example. */
function agreements(runs: SummariseOptions['runs'], {labels}: Reference, classes: number): SeedScores {
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
function temperatureOf({losses}: SummarisedMethod): number {
  return Math.max(...losses.map(({temperature = 1}) => temperature));
}

/**
 * Says what a method learned from and how.
 *
 * @param apart - number of inputs that were set apart to calibrate
 */
function describe({level, losses, select, viewing: {view}, knowledge}: SummarisedMethod, apart: number): string {
  const {detail, inputs, versions = 1} = knowledge;
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
