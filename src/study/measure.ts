import {selectRows} from '../data/inputs.ts';
import {isLabelled} from '../data/split.ts';
import {accuracy, evaluateLogits} from '../evaluate/metrics.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import type {Method} from '../recipe/recipe.ts';
import {boundsWithMissing} from '../statistics/missing-bounds.ts';
import type {Reference} from './asking.ts';
import {cascadeOf} from './cascade.ts';
import type {JobOutcome} from './jobs.ts';
import type {CascadeResult, ResultRow, RunFailure} from './results.ts';
import type {Executed} from './run.ts';
import type {Study} from './study.ts';
import {viewingOf} from './viewing.ts';
import type {Job} from './workers.ts';

/** One trained and measured student of a study. */
export interface Run {
  readonly method: Method;
  readonly row: ResultRow;
  /** [answered, classes], of the test examples that the teacher answered */
  readonly logits: Float32Array;
}

export interface MeasuredRuns {
  readonly runs: readonly Run[];
  readonly failures: readonly RunFailure[];
}

/** Measures every student there is, in the order of the jobs, and names those that there are not. */
export function measureAll(
  study: Study,
  jobs: readonly Job[],
  outcomes: readonly JobOutcome[],
  knowledge: readonly Knowledge[],
  reference: Reference,
): MeasuredRuns {
  const runs: Run[] = [];
  const failures: RunFailure[] = [];
  for (const [index, {method: place, seed}] of jobs.entries()) {
    const method = study.recipe.methods[place]!;
    const outcome = outcomes[index]!;
    if ('failure' in outcome) {
      failures.push({level: method.level, method: method.method, seed, reason: outcome.failure});
    } else {
      const budget = answersLearnedFrom(study, method, knowledge[place]!, outcome);
      const answered = onAnswered(outcome, reference, study.data.classes.length);
      const row = measure(study, method, seed, budget, answered, reference);
      const cascade = cascadeIn(study, outcome, reference);
      runs.push({method, row: {...row, ...(cascade && {cascade})}, logits: answered.logits});
    }
  }
  return {runs, failures};
}

/** What a student says of the test examples that the teacher answered: all methods are measured on these. */
function onAnswered(outcome: Executed, {missing, rows}: Reference, classes: number): Executed {
  return missing.count === 0 ? outcome : {...outcome, logits: selectRows(outcome.logits, classes, rows)};
}

/** On the whole test split. The logits are divided by the temperature already. */
function cascadeIn({data}: Study, {logits, calibration}: Executed, reference: Reference): CascadeResult | undefined {
  if (calibration?.threshold === undefined) return undefined;
  return cascadeOf(logits, reference, data.classes.length, {...calibration, temperature: 1});
}

/** True labels are as many as inputs, whatever versions of them are seen; of what is answered live every row counts. */
function answersLearnedFrom(
  study: Study,
  method: Method,
  {inputs, versions = 1}: Knowledge,
  {curve}: Executed,
): number {
  if (method.level === 'none') return inputs.count / versions;
  return viewingOf(study, method).teacher === undefined ? inputs.count : inputs.count * curve.length;
}

/** A method's student from one seed, measured on the test split, against true labels and against the teacher. */
function measure(
  {data}: Pick<Study, 'data'>,
  {level, method}: Method,
  seed: number,
  budget: number,
  {curve, seconds, logits, choice}: Executed,
  reference: Reference,
): ResultRow {
  const classes = data.classes.length;
  const teacherLogits = reference.logits;
  const agrees = accuracy(logits, reference.labels, classes);
  const measured = evaluateLogits({logits, labels: reference.truth, classes, ...(teacherLogits && {teacherLogits})});
  return {
    level,
    method,
    seed,
    budget,
    accuracy: isLabelled(data) ? measured.accuracy : Number.NaN,
    agreement: agrees,
    ...(reference.missing.count > 0 && {agreementBounds: boundsWithMissing(agrees, reference.missing)}),
    klToTeacher: measured.klToTeacher ?? Number.NaN,
    nll: measured.nll,
    ece: measured.ece,
    brier: measured.brier,
    entropy: measured.entropy,
    seconds,
    curve,
    ...(choice && {choice}),
  };
}
