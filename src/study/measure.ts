import {selectRows} from '../data/inputs.ts';
import {type Dataset, isLabelled, type UnlabelledDataset} from '../data/split.ts';
import {cascaded} from '../evaluate/calibration.ts';
import {accuracy, evaluateLogits} from '../evaluate/metrics.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {boundsWithMissing} from '../statistics/missing-bounds.ts';
import type {Calibration} from '../student/student.ts';
import type {Reference} from './asking.ts';
import type {TunedMethod} from './methods.ts';
import type {CascadeResult, ResultRow, RunFailure} from './results.ts';
import type {Executed} from './run.ts';
import type {Study} from './study.ts';
import type {TrainedRun} from './train-methods.ts';

/** One trained and measured student of a study. */
export interface Run {
  readonly method: TunedMethod<Knowledge>;
  readonly row: ResultRow;
  /** [answered, classes], of the test examples that the teacher answered */
  readonly logits: Float32Array;
}

export interface MeasuredRuns {
  readonly runs: readonly Run[];
  readonly failures: readonly RunFailure[];
}

/** Measures every student there is, in the order of the runs, and names those that there are not. */
export function measureAll(study: Study, trained: readonly TrainedRun[], reference: Reference): MeasuredRuns {
  const {data} = study.recipe;
  const runs: Run[] = [];
  const failures: RunFailure[] = [];
  for (const {method, seed, outcome} of trained) {
    if ('failure' in outcome) {
      failures.push({level: method.level, method: method.method, seed, reason: outcome.failure});
    } else {
      const budget = answersLearnedFrom(method, outcome);
      const answered = onAnswered(outcome, reference, data.classes.length);
      const row = measure(data, method, seed, budget, answered, reference);
      const cascade = cascadeIn(data, outcome, reference);
      runs.push({method, row: {...row, cascade}, logits: answered.logits});
    }
  }
  return {runs, failures};
}

/** Leaves the test examples that the teacher answered: all methods are measured on these. */
function onAnswered(outcome: Executed, {missing, rows}: Reference, classes: number): Executed {
  return missing.count === 0 ? outcome : {...outcome, logits: selectRows(outcome.logits, classes, rows)};
}

/** On the whole test split. The logits are divided by the temperature already. */
function cascadeIn(
  {classes}: Dataset | UnlabelledDataset,
  {logits, calibration}: Executed,
  reference: Reference,
): CascadeResult | undefined {
  if (calibration?.threshold === undefined) return undefined;
  return cascadeOf(logits, reference, classes.length, {...calibration, temperature: 1});
}

/** True labels are as many as inputs, whatever versions are seen; if a teacher answers live, each row of each epoch counts. */
function answersLearnedFrom({level, viewing, knowledge}: TunedMethod<Knowledge>, {curve}: Executed): number {
  const {inputs, versions = 1} = knowledge;
  if (level === 'none') return inputs.count / versions;
  return viewing.teacher === undefined ? inputs.count : inputs.count * curve.length;
}

/** A method's student from one seed, measured on the test split, against true labels and against the teacher. */
function measure(
  data: Dataset | UnlabelledDataset,
  {level, method}: TunedMethod<Knowledge>,
  seed: number,
  budget: number,
  {curve, seconds, logits, choice}: Executed,
  reference: Reference,
): ResultRow {
  const classes = data.classes.length;
  const teacherLogits = reference.logits;
  const agrees = accuracy(logits, reference.labels, classes);
  const measured = evaluateLogits({logits, labels: reference.truth, classes, teacherLogits});
  return {
    level,
    method,
    seed,
    budget,
    accuracy: isLabelled(data) ? measured.accuracy : Number.NaN,
    agreement: agrees,
    agreementBounds: reference.missing.count > 0 ? boundsWithMissing(agrees, reference.missing) : undefined,
    klToTeacher: measured.klToTeacher ?? Number.NaN,
    nll: measured.nll,
    ece: measured.ece,
    brier: measured.brier,
    entropy: measured.entropy,
    seconds,
    curve,
    choice,
  };
}

/**
 * A calibrated student with its teacher behind it, on the test split. If the student answers an input by itself that the
 * teacher left without an answer, that counts as a disagreement.
 *
 * @param logits - [test examples, classes], row-major
 */
export function cascadeOf(
  logits: ArrayLike<number>,
  {rows, labels}: Pick<Reference, 'rows' | 'labels'>,
  classes: number,
  {temperature, threshold = 0, guarantee}: Calibration,
): CascadeResult {
  const said = new Int32Array(logits.length / classes).fill(-1);
  for (const [index, row] of rows.entries()) said[row] = labels[index]!;
  const measured = cascaded(logits, said, classes, {temperature, threshold});
  return {...measured, threshold, ...(guarantee && {guarantee})};
}
