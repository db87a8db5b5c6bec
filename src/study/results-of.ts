import {createLedger} from '../ask/ledger.ts';
import type {Ceiling} from '../ask/probe/repetition.ts';
import {isLabelled} from '../data/split.ts';
import {TrainingError} from '../errors.ts';
import {compareScores} from '../evaluate/compare-scores.ts';
import {classRelation, intraClassVariance, relationCorrelation, summariseTargets} from '../evaluate/effects.ts';
import {judge} from '../evaluate/judge.ts';
import type {PairJudgement} from '../evaluate/judge-pairs.ts';
import {reliability} from '../evaluate/reliability.ts';
import {mean} from '../evaluate/statistics.ts';
import {describeDetail} from '../knowledge/coarsen.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {LEVELS} from '../levels.ts';
import {targetsOf} from '../losses/targets.ts';
import {conditionsOf} from '../recipe/conditions.ts';
import {strategyName} from '../select/options.ts';
import {twoSidedP} from '../statistics/two-parts.ts';
import {packageVersion} from '../version.ts';
import type {BudgetCost, PairVerdict} from './budget-results.ts';
import {againstLargest, budgetFindings, judgeBudgets, runsByBudget, scoresOf, verdictsOfPairs} from './budgets.ts';
import {taught} from './divide.ts';
import {type MeasuredEfficiency, type MeasuredRuns, measureAnswers, type Run} from './measure.ts';
import type {TaughtMethod, TunedMethod} from './methods.ts';
import type {Asked} from './missing.ts';
import type {Reference} from './reference.ts';
import type {
  Comparison,
  LedgerTotals,
  MethodResult,
  MissingInputs,
  Repeatability,
  Results,
  RunFailure,
} from './results.ts';
import type {Study} from './study.ts';
import {trainingThreads} from './training.ts';
import {writtenInputs} from './written.ts';

export interface StudyParts extends MeasuredRuns {
  readonly study: Study;
  /** The outcomes of the query plans, in their order. */
  readonly asked: readonly Asked[];
  readonly reference: Reference;
  /** In the order of the recipe. */
  readonly methods: readonly TunedMethod<Knowledge>[];
  readonly repeatability: readonly Repeatability[];
  readonly ceiling: Ceiling | undefined;
  /** Inputs of the transfer set that no method learned from, since a level did not answer them. */
  readonly missing: MissingInputs;
  readonly efficiency: MeasuredEfficiency;
  /** What each method's answers would cost at each budget; empty without budgets. */
  readonly costs: readonly BudgetCost[];
  readonly seconds: number;
}

/** Puts the findings of a study together. */
export async function resultsOf(parts: StudyParts): Promise<Results> {
  const {study, asked, methods, reference, repeatability, runs, failures, missing, costs, seconds} = parts;
  const {recipe, engine} = study;
  const {data, drawn, shards, budgets} = recipe;
  const classes = data.classes.length;
  const finished = methodsWith(runs, methods, failures);
  const byBudget = budgets && runsByBudget(budgets.sizes, finished, parts);
  const pairs = byBudget && judgeBudgets(byBudget);
  const truth = isLabelled(data) ? 'labels' : 'teacher';
  const summaries = summariseMethods({methods: finished, runs, reference, truth, classes, pairs});
  const {students, teachers} = parts.efficiency;
  return {
    schema: 'limbeck.results/1',
    name: recipe.name,
    finishedAt: new Date().toISOString(),
    seconds,
    engine: {name: engine.name, version: engine.version, threads: trainingThreads(study)},
    versions: {limbeck: packageVersion(), node: process.versions.node},
    classes: data.classes,
    truth,
    sizes: {
      train: shards?.count ?? data.train.inputs.count,
      validation: isLabelled(data) ? data.validation.inputs.count : 0,
      test: data.test.inputs.count,
      transfer: drawn.inputs.count,
    },
    ...(missing.count + reference.missing.count > 0 && {missing: {transfer: missing, test: reference.missing}}),
    written: writtenInputs(recipe),
    teacher: {name: reference.name, ...reference.metrics},
    ledger: ledgerOf(asked, reference),
    steadiness: repeatability.length > 0 ? repeatability : undefined,
    ceiling: parts.ceiling,
    students: await studentsOf(study, taught(methods[0]!)),
    seeds: recipe.seeds,
    rows: runs.map(({row}) => row),
    failures,
    methods: summaries.map((summary, index) => ({
      ...summary,
      selection: asked.find(({plan}) => plan === finished[index]!.queryPlan)?.selection,
      efficiency: students.get(finished[index]!),
    })),
    verdicts: pairs ? verdictsOfPairs(pairs, budgets!.sizes) : verdictsOfMethods(summaries, drawn.inputs.count),
    budgets: byBudget && budgetFindings(budgets!, byBudget, costs),
    conditions: recipe.check && conditionsOf(recipe.check),
    teacherTargets: teacherTargets(asked, classes),
    teacherRelation: reference.logits ? classRelation(reference.logits, reference.truth, classes) : [],
    // Held against its own labels it would always be right.
    teacherReliability:
      reference.logits && isLabelled(data) ? reliability(reference.logits, reference.truth, classes) : [],
    teacherEfficiency: teachers,
  };
}

/**
 * The methods with a run that succeeded.
 *
 * @throws TrainingError if there is none
 */
function methodsWith(
  runs: readonly Run[],
  methods: readonly TunedMethod<Knowledge>[],
  failures: readonly RunFailure[],
): readonly TunedMethod<Knowledge>[] {
  if (runs.length > 0) return methods.filter(method => runs.some(run => run.method === method));
  const {method, seed, reason} = failures[0]!;
  throw new TrainingError(`No method came to an end. The first: ${method}, seed ${seed}: ${reason}`);
}

/** @param method - one that students are prepared by, if they have to be */
async function studentsOf(
  {recipe: {students, seeds}, trainer}: Study,
  method: TaughtMethod,
): Promise<Results['students']> {
  const shapes: Results['students'][number][] = [];
  for (const build of students) {
    const {model} = await trainer.fresh(seeds[0]!, method, build);
    const layers = model.layers.map(layer => `${layer.name} [${layer.outputShape.slice(1).join(', ')}]`);
    shapes.push({name: model.name, parameters: model.countParams(), layers});
    model.dispose();
  }
  return shapes;
}

/** The targets of the level that shows most, at T = 1; undefined if every level shows labels alone. */
function teacherTargets(asked: readonly Asked[], classes: number): Results['teacherTargets'] {
  const fullest = LEVELS.findLast(access => access !== 'black-box' && asked.some(({plan}) => plan.level === access));
  if (fullest === undefined) return undefined;
  // A level's shared plan comes first.
  const {knowledge} = asked.find(({plan}) => plan.level === fullest)!;
  return summariseTargets(targetsOf(knowledge.answers, classes));
}

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
type SummarisedMethod = Pick<
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
      description: describe(method, apart.calibrationInputs.length),
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
function verdictsOfMethods(methods: readonly MethodResult[], budget: number): readonly PairVerdict[] {
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
function describe({level, losses, select, viewing: {view}, knowledge}: SummarisedMethod, apart: number): string {
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

/** The ledger of a study: of the answers that students learned from, and of those that they are measured by. */
function ledgerOf(asked: readonly Asked[], reference: Pick<Reference, 'ledger'>): Results['ledger'] {
  return {
    ...sum(asked.map(({ledger}) => ledger)),
    byLevel: Object.fromEntries(
      asked.flatMap(({plan: {level, own}, ledger}) => (own === undefined ? [[level, ledger]] : [])),
    ),
    byMethod: Object.fromEntries(asked.flatMap(({plan: {own}, ledger}) => (own ? [[own.method, ledger]] : []))),
    evaluation: reference.ledger,
  };
}

function sum(ledgers: readonly LedgerTotals[]): LedgerTotals {
  const all = createLedger();
  for (const ledger of ledgers) all.add(ledger);
  return all.snapshot();
}
