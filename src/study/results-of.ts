import {createLedger} from '../ask/ledger.ts';
import {isLabelled} from '../data/split.ts';
import {TrainingError} from '../errors.ts';
import {classRelation, summariseTargets} from '../evaluate/effects.ts';
import {reliability} from '../evaluate/reliability.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {LEVELS} from '../levels.ts';
import {targetsOf} from '../losses/targets.ts';
import type {ResolvedRecipe} from '../recipe/resolve.ts';
import {packageVersion} from '../version.ts';
import type {Asked, Reference} from './asking.ts';
import type {MeasuredRuns, Run} from './measure.ts';
import type {TunedMethod} from './methods.ts';
import type {MissingInputs} from './missing.ts';
import type {LedgerTotals, Repeatability, Results, RunFailure} from './results.ts';
import type {Study} from './study.ts';
import {summariseMethods} from './summarise.ts';
import {trainingThreads} from './workers.ts';

export interface StudyParts extends MeasuredRuns {
  readonly study: Study;
  /** The outcomes of the query plans, in their order. */
  readonly asked: readonly Asked[];
  readonly reference: Reference;
  /** In the order of the recipe. */
  readonly methods: readonly TunedMethod<Knowledge>[];
  readonly repeatability: readonly Repeatability[];
  /** Inputs of the transfer set that no method learned from, since a level did not answer them. */
  readonly missing: MissingInputs;
  readonly seconds: number;
}

/** Puts the findings of a study together. */
export function resultsOf(parts: StudyParts): Results {
  const {study, asked, methods, reference, repeatability, runs, failures, missing, seconds} = parts;
  const {recipe, engine} = study;
  const {data, drawn} = recipe;
  const classes = data.classes.length;
  return {
    schema: 'limbeck.results/1',
    name: recipe.name,
    finishedAt: new Date().toISOString(),
    seconds,
    engine: {name: engine.name, version: engine.version, threads: trainingThreads(study)},
    versions: {limbeck: packageVersion(), node: process.versions.node},
    classes: data.classes,
    truth: isLabelled(data) ? 'labels' : 'teacher',
    sizes: {
      train: data.train.inputs.count,
      validation: isLabelled(data) ? data.validation.inputs.count : 0,
      test: data.test.inputs.count,
      transfer: drawn.inputs.count,
    },
    ...(missing.count + reference.missing.count > 0 && {missing: {transfer: missing, test: reference.missing}}),
    teacher: {name: reference.name, ...reference.metrics},
    ledger: {
      ...sum(asked.map(({ledger}) => ledger)),
      byLevel: Object.fromEntries(
        asked.flatMap(({plan: {level, own}, ledger}) => (own === undefined ? [[level, ledger]] : [])),
      ),
      byMethod: Object.fromEntries(asked.flatMap(({plan: {own}, ledger}) => (own ? [[own.method, ledger]] : []))),
      evaluation: reference.ledger,
    },
    steadiness: repeatability.length > 0 ? repeatability : undefined,
    students: studentsOf(recipe),
    seeds: recipe.seeds,
    rows: runs.map(({row}) => row),
    failures,
    methods: summariseMethods({
      recipe,
      methods: methodsWith(runs, methods, failures),
      runs,
      reference,
      classes,
    }),
    teacherTargets: teacherTargets(asked, classes),
    teacherRelation: reference.logits ? classRelation(reference.logits, reference.truth, classes) : [],
    // Held against its own labels it would always be right.
    teacherReliability:
      reference.logits && isLabelled(data) ? reliability(reference.logits, reference.truth, classes) : [],
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

function studentsOf({students, task, seeds}: ResolvedRecipe): Results['students'] {
  return students.map(build => {
    const {model} = build(task, seeds[0]!);
    const layers = model.layers.map(layer => `${layer.name} [${layer.outputShape.slice(1).join(', ')}]`);
    const shape = {name: model.name, parameters: model.countParams(), layers};
    model.dispose();
    return shape;
  });
}

/** The targets of the level that shows most, at T = 1; undefined if every level shows labels alone. */
function teacherTargets(asked: readonly Asked[], classes: number): Results['teacherTargets'] {
  const fullest = LEVELS.findLast(access => access !== 'black-box' && asked.some(({plan}) => plan.level === access));
  if (fullest === undefined) return undefined;
  // A level's shared plan comes first.
  const {knowledge} = asked.find(({plan}) => plan.level === fullest)!;
  return summariseTargets(targetsOf(knowledge.answers, classes));
}

function sum(ledgers: readonly LedgerTotals[]): LedgerTotals {
  const all = createLedger();
  for (const ledger of ledgers) all.add(ledger);
  return all.snapshot();
}
