import {distributionsOf} from '../data/arrays.ts';
import {selectRows} from '../data/inputs.ts';
import {type Dataset, isLabelled, type UnlabelledDataset} from '../data/split.ts';
import {LimbeckError} from '../errors.ts';
import {classResults, confusionOf} from '../evaluate/by-class.ts';
import {cascadeOf, coverageOf, judgedOf} from '../evaluate/calibration.ts';
import {
  type StudentEfficiency,
  studentEfficiency,
  type TeacherEfficiency,
  teacherEfficiency,
} from '../evaluate/efficiency.ts';
import {evaluate, meanWhereTeacherErrs} from '../evaluate/metrics.ts';
import {mean} from '../evaluate/statistics.ts';
import type {VectorScores} from '../evaluate/vectors.ts';
import type {VectorAnswers} from '../knowledge/answers.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {boundsWithMissing} from '../statistics/bounds.ts';
import type {Executed} from './execute.ts';
import type {TunedMethod} from './methods.ts';
import {measurable, type Reference} from './reference.ts';
import type {MethodResult, ResultRow, Results, RunFailure} from './results.ts';
import {studentPath} from './run.ts';
import type {Study} from './study.ts';
import type {MethodJob, TrainedRun} from './train-methods.ts';
import {measuredAgainst} from './vectors/measure.ts';

/** One trained and measured student of a study. */
export interface Run {
  readonly method: TunedMethod<Knowledge>;
  readonly row: ResultRow;
  /** [answered], 1 for each test example on which student and teacher name the same class. */
  readonly agreements: Uint8Array;
  /** [answered, classes], or vectors, of the test examples that the teacher answered. */
  readonly logits: Float32Array;
  /** Present if the teacher gives vectors. `agreements` is then empty. */
  readonly scores?: VectorScores;
}

/** A student that learned from a part of its method's inputs. */
export interface PartRun extends Omit<Run, 'logits'> {
  readonly budget: number;
}

export interface MeasuredRuns {
  /** The runs that learned from all inputs of their methods. */
  readonly runs: readonly Run[];
  readonly partRuns: readonly PartRun[];
  readonly failures: readonly RunFailure[];
}

/** Divides what came of the runs, in their order. */
export function sortRuns(trained: readonly TrainedRun<Run | PartRun>[]): MeasuredRuns {
  const [runs, partRuns, failures]: [Run[], PartRun[], RunFailure[]] = [[], [], []];
  for (const {job, outcome} of trained) {
    if ('failure' in outcome) failures.push(failureOf(job, outcome.failure));
    else if ('budget' in outcome) partRuns.push(outcome);
    else runs.push(outcome);
  }
  return {runs, partRuns, failures};
}

function failureOf({method: {level, method}, budget, seed}: MethodJob, reason: string): RunFailure {
  return {level, method, ...(budget !== undefined && {budget}), seed, reason};
}

/**
 * A student of one run, measured on the test split, against true labels and against the teacher. All methods are measured on
 * the examples that the teacher answered; a cascade, on the whole split.
 */
export function measure(
  job: MethodJob,
  executed: Executed,
  reference: Reference,
  data: Dataset | UnlabelledDataset,
): Run | PartRun {
  const {method, budget, seed} = job;
  const {curve, fit, seconds, calibration, choice, assistant, next} = executed;
  if (reference.vectors) return measureVectorRun(job, executed, reference, reference.vectors);
  const {missing, rows, truth, labels, distributions} = reference;
  const classes = data.classes.length;
  // The logits are divided by the temperature already.
  const cascade =
    calibration?.threshold === undefined
      ? undefined
      : cascadeOf(executed.logits, reference.named, classes, {...calibration, temperature: 1});
  const logits = missing.count === 0 ? executed.logits : selectRows(executed.logits, classes, rows);
  const student = distributionsOf(logits, classes);
  const agreements = Uint8Array.from(labels, (label, index) => (student.named[index] === label ? 1 : 0));
  const agreement = mean(agreements);
  const measured = evaluate(student, truth, distributions);
  const ifLabelled = (value: number): number => (isLabelled(data) ? value : Number.NaN);
  const row = {
    level: method.level,
    method: method.method,
    seed,
    budget: answersLearnedFrom(job, curve.length),
    accuracy: ifLabelled(measured.accuracy),
    balancedAccuracy: ifLabelled(measured.balancedAccuracy),
    macroF1: ifLabelled(measured.macroF1),
    agreement,
    agreementBounds: missing.count > 0 ? boundsWithMissing(agreement, missing) : undefined,
    agreementWhereTeacherErrs: ifLabelled(meanWhereTeacherErrs(agreements, labels, truth)),
    klToTeacher: measured.klToTeacher ?? Number.NaN,
    nll: measured.nll,
    ece: measured.ece,
    adaptiveEce: measured.adaptiveEce,
    brier: measured.brier,
    entropy: measured.entropy,
    seconds,
    curve,
    fit,
    choice,
    assistant,
    next,
    cascade,
  };
  // The answers at a smaller budget have served their purpose.
  return budget === undefined ? {method, row, agreements, logits} : {method, budget, row, agreements};
}

/** A student of vectors has no measures of classes. */
function measureVectorRun(
  job: MethodJob,
  {logits: all, seconds, curve}: Executed,
  {missing, rows}: Reference,
  teacher: VectorAnswers,
): Run | PartRun {
  const {method, budget, seed} = job;
  const logits = missing.count === 0 ? all : selectRows(all, all.length / missing.total, rows);
  const {metrics, scores} = measuredAgainst(teacher, logits);
  const {meanCosine, recall, spearman} = metrics;
  const row = {
    level: method.level,
    method: method.method,
    seed,
    budget: answersLearnedFrom(job, curve.length),
    ...NO_CLASSES,
    vectors: {meanCosine, recall, spearman},
    seconds,
    curve,
  };
  const measured = {method, row, agreements: new Uint8Array(), scores};
  return budget === undefined ? {...measured, logits} : {...measured, budget};
}

const NO_CLASSES = {
  accuracy: Number.NaN,
  agreement: Number.NaN,
  klToTeacher: Number.NaN,
  nll: Number.NaN,
  ece: Number.NaN,
  brier: Number.NaN,
  entropy: Number.NaN,
};

/** True labels are as many as inputs, whatever versions are seen; if a teacher answers live, each row of each epoch counts. */
function answersLearnedFrom({method: {level, viewing, knowledge}, budget}: MethodJob, epochs: number): number {
  const {versions = 1} = knowledge;
  const inputs = Math.min(budget ?? Number.POSITIVE_INFINITY, knowledge.inputs.count / versions);
  if (level === 'none') return inputs;
  return inputs * versions * (viewing.teacher === undefined ? 1 : epochs);
}

interface MeasureAnswersOptions {
  readonly reference: Pick<Reference, 'labels' | 'truth'>;
  readonly truth: Results['truth'];
  readonly classes: number;
}

/** What the students of a method answer, by class and by how sure they are. */
export function measureAnswers(
  runs: readonly Pick<Run, 'logits' | 'row'>[],
  {reference, truth: known, classes}: MeasureAnswersOptions,
): Pick<MethodResult, 'confusion' | 'classes' | 'coverage'> {
  const {labels} = reference;
  const truth = known === 'labels' ? reference.truth : undefined;
  const students = runs.map(({logits}) => distributionsOf(logits, classes));
  const named = students.map(student => student.named);
  return {
    confusion: {truth: truth && confusionOf(truth, named, classes), teacher: confusionOf(labels, named, classes)},
    classes: classResults(truth, labels, named, classes),
    coverage: coverageOf(
      students.map(student => judgedOf(student, labels)),
      runs[0]!.row.cascade?.threshold,
    ),
  };
}

/** Size, speed and price of all that answers in a study. */
export interface MeasuredEfficiency {
  /** By method, the first student that came to an end. */
  readonly students: ReadonlyMap<TunedMethod<Knowledge>, StudentEfficiency | undefined>;
  /** One for each level that was asked, and for the one that students are measured against. */
  readonly teachers: readonly TeacherEfficiency[];
}

/** Measures them in this process, one after another, on test inputs. What cannot be measured is noted, and ends no study. */
export async function measureEfficiency(study: Study, runs: readonly Run[]): Promise<MeasuredEfficiency> {
  const {recipe, asking, directory, signal, onNote} = study;
  const {inputs} = recipe.data.test;
  const noted = (name: string) => (error: unknown) => {
    signal?.throwIfAborted();
    if (!(error instanceof LimbeckError)) throw error;
    onNote(`The speed of ${name} was not measured: ${error.message}`);
    return undefined;
  };
  const students = new Map<TunedMethod<Knowledge>, StudentEfficiency | undefined>();
  for (const {method, row} of runs) {
    if (students.has(method)) continue;
    const path = studentPath(directory, method, row.seed);
    students.set(method, await studentEfficiency(path, inputs, signal).catch(noted(method.method)));
  }
  const teachers: TeacherEfficiency[] = [];
  for (const level of new Set([...recipe.levels, recipe.reference])) {
    const teacher = study.teacherOf(level);
    const options = {level, inputs, detail: measurable(teacher.detail), signal};
    const measured = await teacherEfficiency(asking, teacher, options).catch(noted(teacher.name));
    if (measured !== undefined) teachers.push(measured);
  }
  return {students, teachers};
}
