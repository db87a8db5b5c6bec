import {createLedger} from '../ask/ledger.ts';
import {isLabelled} from '../data/split.ts';
import {TrainingError} from '../errors.ts';
import {classRelation, summariseTargets} from '../evaluate/effects.ts';
import {reliability} from '../evaluate/reliability.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {LEVELS} from '../levels.ts';
import {targetsOf} from '../losses/targets.ts';
import {candidatesOf} from '../recipe/candidates.ts';
import type {Method, Recipe} from '../recipe/recipe.ts';
import {packageVersion} from '../version.ts';
import type {Asked, Reference} from './asking.ts';
import {inputsApart} from './divide.ts';
import type {MeasuredRuns, Run} from './measure.ts';
import type {MissingInputs} from './missing.ts';
import type {LedgerTotals, Results, RunFailure, Steadiness, Tuning} from './results.ts';
import type {Study} from './study.ts';
import {summariseMethods} from './summarise.ts';
import {taskOf} from './task.ts';
import {viewingOf} from './viewing.ts';
import {trainingThreads} from './workers.ts';

export interface StudyParts extends MeasuredRuns {
  readonly study: Study;
  /** What came of each inquiry, in the order in which they were made. */
  readonly asked: readonly Asked[];
  readonly reference: Reference;
  /** What each method learned from, in the order of the recipe. */
  readonly knowledge: readonly Knowledge[];
  /** How each method was tuned, in the order of the recipe. */
  readonly tunings: readonly (Tuning | undefined)[];
  readonly steadiness: readonly Steadiness[];
  /** Inputs of the transfer set that no method learned from, since a level did not answer them. */
  readonly missing: MissingInputs;
  readonly seconds: number;
}

/** Puts together what a study found. */
export function resultsOf(parts: StudyParts): Results {
  const {study, asked, reference, knowledge, runs, failures, missing, seconds} = parts;
  const {recipe, engine, data, drawn} = study;
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
        asked.flatMap(({inquiry: {level, own}, ledger}) => (own === undefined ? [[level, ledger]] : [])),
      ),
      byMethod: Object.fromEntries(asked.flatMap(({inquiry: {own}, ledger}) => (own ? [[own.method, ledger]] : []))),
      evaluation: reference.ledger,
    },
    ...(parts.steadiness.length > 0 && {steadiness: parts.steadiness}),
    students: studentsOf(study),
    seeds: recipe.seeds,
    rows: runs.map(({row}) => row),
    failures,
    methods: summariseMethods({
      methods: methodsWith(runs, recipe, failures),
      runs,
      knowledge: new Map(recipe.methods.map((method, index) => [method, knowledge[index]!])),
      tunings: new Map(recipe.methods.map((method, index) => [method, parts.tunings[index]])),
      viewOf: method => viewingOf(study, method).view,
      setApart: method =>
        inputsApart(recipe, method, knowledge[recipe.methods.indexOf(method)]!).calibrationInputs.length,
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
function methodsWith(runs: readonly Run[], {methods}: Recipe, failures: readonly RunFailure[]): readonly Method[] {
  if (runs.length > 0) return methods.filter(method => runs.some(run => run.method === method));
  const {method, seed, reason} = failures[0]!;
  throw new TrainingError(`No method came to an end. The first: ${method}, seed ${seed}: ${reason}`);
}

function studentsOf({recipe, data}: Study): Results['students'] {
  return candidatesOf(recipe).map(build => {
    const {model} = build(taskOf(data, recipe.preprocessing), recipe.seeds[0]!);
    const layers = model.layers.map(layer => `${layer.name} [${layer.outputShape.slice(1).join(', ')}]`);
    const shape = {name: model.name, parameters: model.countParams(), layers};
    model.dispose();
    return shape;
  });
}

/** Of the level that shows most, at T = 1; undefined where every level shows labels alone. */
function teacherTargets(asked: readonly Asked[], classes: number): Results['teacherTargets'] {
  const fullest = LEVELS.findLast(
    access => access !== 'black-box' && asked.some(({inquiry}) => inquiry.level === access),
  );
  if (fullest === undefined) return undefined;
  // What the methods of a level share comes first.
  const {knowledge} = asked.find(({inquiry}) => inquiry.level === fullest)!;
  return summariseTargets(targetsOf(knowledge.answers, classes));
}

function sum(ledgers: readonly LedgerTotals[]): LedgerTotals {
  const all = createLedger();
  for (const ledger of ledgers) all.add(ledger);
  return all.snapshot();
}
