import {selectRows} from '../data/inputs.ts';
import {type Dataset, isLabelled, type UnlabelledDataset} from '../data/split.ts';
import {cascadeOf} from '../evaluate/calibration.ts';
import {accuracy, evaluateLogits} from '../evaluate/metrics.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {boundsWithMissing} from '../statistics/missing-bounds.ts';
import type {Reference} from './asking.ts';
import type {TunedMethod} from './methods.ts';
import type {ResultRow, RunFailure} from './results.ts';
import type {Executed} from './run.ts';
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
export function measureAll(
  trained: readonly TrainedRun[],
  reference: Reference,
  data: Dataset | UnlabelledDataset,
): MeasuredRuns {
  const runs: Run[] = [];
  const failures: RunFailure[] = [];
  for (const {method, seed, outcome} of trained) {
    if ('failure' in outcome) {
      failures.push({level: method.level, method: method.method, seed, reason: outcome.failure});
    } else {
      runs.push(measure(method, seed, outcome, reference, data));
    }
  }
  return {runs, failures};
}

/**
 * A method's student from one seed, measured on the test split, against true labels and against the teacher. All methods
 * are measured on the examples that the teacher answered; a cascade, on the whole split.
 */
function measure(
  method: TunedMethod<Knowledge>,
  seed: number,
  executed: Executed,
  reference: Reference,
  data: Dataset | UnlabelledDataset,
): Run {
  const {curve, fit, seconds, calibration, choice} = executed;
  const {missing, rows, truth, labels} = reference;
  const classes = data.classes.length;
  const logits = missing.count === 0 ? executed.logits : selectRows(executed.logits, classes, rows);
  const agreement = accuracy(logits, labels, classes);
  const measured = evaluateLogits({logits, labels: truth, classes, teacherLogits: reference.logits});
  const row = {
    level: method.level,
    method: method.method,
    seed,
    budget: answersLearnedFrom(method, curve.length),
    accuracy: isLabelled(data) ? measured.accuracy : Number.NaN,
    agreement,
    agreementBounds: missing.count > 0 ? boundsWithMissing(agreement, missing) : undefined,
    klToTeacher: measured.klToTeacher ?? Number.NaN,
    nll: measured.nll,
    ece: measured.ece,
    brier: measured.brier,
    entropy: measured.entropy,
    seconds,
    curve,
    fit,
    choice,
    // The logits are divided by the temperature already.
    cascade:
      calibration?.threshold === undefined
        ? undefined
        : cascadeOf(executed.logits, reference.named, classes, {...calibration, temperature: 1}),
  };
  return {method, row, logits};
}

/** True labels are as many as inputs, whatever versions are seen; if a teacher answers live, each row of each epoch counts. */
function answersLearnedFrom({level, viewing, knowledge}: TunedMethod<Knowledge>, epochs: number): number {
  const {inputs, versions = 1} = knowledge;
  if (level === 'none') return inputs.count / versions;
  return viewing.teacher === undefined ? inputs.count : inputs.count * epochs;
}
