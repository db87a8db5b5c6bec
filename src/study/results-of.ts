import {createLedger} from '../ask/ledger.ts';
import type {Ceiling} from '../ask/probe/repetition.ts';
import {isLabelled} from '../data/split.ts';
import {TrainingError} from '../errors.ts';
import {classRelation, summariseTargets} from '../evaluate/effects.ts';
import {reliability} from '../evaluate/reliability.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {LEVELS} from '../levels.ts';
import {targetsOf} from '../losses/targets.ts';
import {conditionsOf} from '../recipe/conditions.ts';
import {packageVersion} from '../version.ts';
import type {BudgetCost} from './budget-results.ts';
import {budgetFindings, judgeBudgets, runsByBudget, verdictsOfPairs} from './budgets.ts';
import {taught} from './divide.ts';
import type {MeasuredEfficiency, MeasuredRuns, Run} from './measure.ts';
import type {TaughtMethod, TunedMethod} from './methods.ts';
import type {Asked} from './missing.ts';
import type {Reference} from './reference.ts';
import type {LedgerTotals, MissingInputs, Repeatability, Results, RunFailure} from './results.ts';
import type {Study} from './study.ts';
import {summariseMethods, verdictsOfMethods} from './summarise.ts';
import {engineOf, trainingThreads} from './training.ts';
import {type Findings, vectorFindings} from './vectors/findings.ts';
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
  const {study, asked, methods, reference, repeatability, runs, failures, missing, seconds} = parts;
  const {recipe} = study;
  const engine = engineOf(study);
  const {data, drawn, shards} = recipe;
  const finished = methodsWith(runs, methods, failures);
  const truth = isLabelled(data) ? 'labels' : 'teacher';
  const {methods: summaries, ...findings} = reference.vectors
    ? vectorFindings({...parts, vectors: reference.vectors, methods: finished})
    : classFindings({...parts, methods: finished}, truth);
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
    conditions: recipe.check && conditionsOf(recipe.check),
    ...findings,
    teacherEfficiency: teachers,
  };
}

/** What is found by the classes that students and teacher name. */
function classFindings(
  {study, asked, methods, reference, runs, partRuns, costs}: StudyParts,
  truth: Results['truth'],
): Findings {
  const {data, drawn, budgets} = study.recipe;
  const classes = data.classes.length;
  const byBudget = budgets && runsByBudget(budgets.sizes, methods, {runs, partRuns});
  const pairs = byBudget && judgeBudgets(byBudget);
  const summaries = summariseMethods({methods, runs, reference, truth, classes, pairs});
  return {
    methods: summaries,
    verdicts: pairs ? verdictsOfPairs(pairs, budgets!.sizes) : verdictsOfMethods(summaries, drawn.inputs.count),
    budgets: byBudget && budgetFindings(budgets!, byBudget, costs),
    teacherTargets: teacherTargets(asked, classes),
    teacherRelation: reference.logits ? classRelation(reference.logits, reference.truth, classes) : [],
    // Held against its own labels it would always be right.
    teacherReliability:
      reference.logits && truth === 'labels' ? reliability(reference.logits, reference.truth, classes) : [],
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
