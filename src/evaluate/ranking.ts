import {answeredRows} from './distributions.ts';
import {mean, ranks} from './statistics.ts';

// In this file `answers` are what the teacher says of a predicate: 1 for yes, 0 for no, and -1 if it gave no answer, which
// counts nowhere. `probabilities` are the student's P(yes). Of one predicate both are [count]; of several they are [count,
// questions], row-major.

/**
 * The area under the ROC curve: how often an input that is yes has a greater probability than one that is no, where a tie
 * counts half. Hanley and McNeil (1982). It needs no threshold.
 *
 * @returns NaN if the answers are all yes or all no
 */
export function auroc(answers: ArrayLike<number>, probabilities: ArrayLike<number>): number {
  const rows = answeredRows(answers);
  const order = ranks(rows.map(row => probabilities[row]!));
  let [yes, sum] = [0, 0];
  for (const [index, row] of rows.entries()) {
    if (answers[row] !== 1) continue;
    yes++;
    sum += order[index]!;
  }
  return (sum - (yes * (yes + 1)) / 2) / (yes * (rows.length - yes));
}

/**
 * Σ_t (R_t − R_{t−1}) · P_t, with the precision P_t and the recall R_t at each threshold t, the greatest first. Inputs of
 * one probability enter together, and nothing is interpolated.
 *
 * @returns NaN if no answer is yes
 */
export function averagePrecision(answers: ArrayLike<number>, probabilities: ArrayLike<number>): number {
  const rows = answeredRows(answers).sort((one, other) => probabilities[other]! - probabilities[one]!);
  let [yes, sum] = [0, 0];
  for (let start = 0; start < rows.length; ) {
    let [end, entered] = [start, 0];
    for (; end < rows.length && probabilities[rows[end]!] === probabilities[rows[start]!]; end++) {
      entered += answers[rows[end]!]!;
    }
    yes += entered;
    sum += (entered * yes) / end;
    start = end;
  }
  return sum / yes;
}

/** A mean over the predicates for which a metric is defined. */
export interface MeanOverPredicates {
  /** Of each predicate; NaN if it is not defined. */
  readonly questions: readonly number[];
  /** NaN if it is defined for none. */
  readonly mean: number;
  /** Number of predicates that the mean leaves out. */
  readonly skipped: number;
}

/**
 * The mean average precision (mAP) of several predicates. It skips those of which no answer is yes.
 *
 * @param answers - [count, questions]
 * @param probabilities - [count, questions]
 */
export function meanAveragePrecision(
  answers: ArrayLike<number>,
  probabilities: ArrayLike<number>,
  questions: number,
): MeanOverPredicates {
  return meanOver(answers, probabilities, questions, averagePrecision);
}

/**
 * The mean area under the ROC curve of several predicates. It skips those whose answers are all the same.
 *
 * @param answers - [count, questions]
 * @param probabilities - [count, questions]
 */
export function macroAuroc(
  answers: ArrayLike<number>,
  probabilities: ArrayLike<number>,
  questions: number,
): MeanOverPredicates {
  return meanOver(answers, probabilities, questions, auroc);
}

function meanOver(
  answers: ArrayLike<number>,
  probabilities: ArrayLike<number>,
  questions: number,
  metric: (answers: number[], probabilities: number[]) => number,
): MeanOverPredicates {
  const column = (values: ArrayLike<number>, question: number): number[] =>
    Array.from({length: values.length / questions}, (_, row) => values[row * questions + question]!);
  const each = Array.from({length: questions}, (_, question) =>
    metric(column(answers, question), column(probabilities, question)),
  );
  const known = each.filter(value => !Number.isNaN(value));
  return {questions: each, mean: mean(known), skipped: questions - known.length};
}
