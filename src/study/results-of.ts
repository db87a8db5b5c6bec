import {createLedger} from '../ask/ledger.ts';
import {isLabelled} from '../data/split.ts';
import {TrainingError} from '../errors.ts';
import {classRelation, summariseTargets} from '../evaluate/effects.ts';
import {reliability} from '../evaluate/reliability.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {targetsOf} from '../losses/targets.ts';
import {candidatesOf} from '../recipe/candidates.ts';
import type {Method, Recipe} from '../recipe/recipe.ts';
import type {Access} from '../teacher.ts';
import {packageVersion} from '../version.ts';
import type {AskedLevel, Reference} from './asking.ts';
import type {MeasuredRuns} from './measure.ts';
import {LEVELS} from './methods.ts';
import type {LedgerTotals, Results, RunFailure} from './results.ts';
import type {Study} from './study.ts';
import {summariseMethods} from './summarise.ts';
import {taskOf} from './task.ts';

export interface StudyParts extends MeasuredRuns {
  readonly study: Study;
  readonly levels: ReadonlyMap<Access, AskedLevel>;
  readonly reference: Reference;
  /** What each method learned from, in the order of the recipe. */
  readonly knowledge: readonly Knowledge[];
  readonly seconds: number;
}

/** Puts together what a study found. */
export function resultsOf({study, levels, reference, knowledge, runs, failures, seconds}: StudyParts): Results {
  const {recipe, engine, data, drawn} = study;
  const classes = data.classes.length;
  const ledgers = Array.from(levels, ([access, {ledger}]) => [access, ledger] as const);
  return {
    schema: 'limbeck.results/1',
    name: recipe.name,
    finishedAt: new Date().toISOString(),
    seconds,
    engine: {name: engine.name, version: engine.version},
    versions: {limbeck: packageVersion(), node: process.versions.node},
    classes: data.classes,
    truth: isLabelled(data) ? 'labels' : 'teacher',
    sizes: {
      train: data.train.inputs.count,
      validation: isLabelled(data) ? data.validation.inputs.count : 0,
      test: data.test.inputs.count,
      transfer: drawn.inputs.count,
    },
    teacher: {name: reference.name, ...reference.metrics},
    ledger: {
      ...sum(ledgers.map(([, ledger]) => ledger)),
      byLevel: Object.fromEntries(ledgers),
      evaluation: reference.ledger,
    },
    students: studentsOf(study),
    seeds: recipe.seeds,
    rows: runs.map(({row}) => row),
    failures,
    methods: summariseMethods({
      methods: wholeMethods(recipe, failures),
      runs,
      knowledge: new Map(recipe.methods.map((method, index) => [method, knowledge[index]!])),
      reference,
      classes,
    }),
    teacherTargets: teacherTargets(levels, classes),
    teacherRelation: reference.logits ? classRelation(reference.logits, reference.truth, classes) : [],
    // Held against its own labels it would always be right.
    teacherReliability:
      reference.logits && isLabelled(data) ? reliability(reference.logits, reference.truth, classes) : [],
  };
}

/**
 * The methods all of whose runs succeeded.
 *
 * @throws TrainingError where there is none
 */
function wholeMethods({methods}: Recipe, failures: readonly RunFailure[]): readonly Method[] {
  const whole = methods.filter(({method}) => failures.every(failure => failure.method !== method));
  if (whole.length > 0) return whole;
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
function teacherTargets(levels: ReadonlyMap<Access, AskedLevel>, classes: number): Results['teacherTargets'] {
  const fullest = LEVELS.findLast(access => levels.has(access) && access !== 'black-box');
  if (fullest === undefined) return undefined;
  return summariseTargets(targetsOf(levels.get(fullest)!.knowledge.answers, classes));
}

function sum(ledgers: readonly LedgerTotals[]): LedgerTotals {
  const all = createLedger();
  for (const ledger of ledgers) all.add(ledger);
  return all.snapshot();
}
