import {answeredRows} from '../data/arrays.ts';
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
  let [yes, sum] = [0, 0];
  for (const {called, right} of outcomes(answers, probabilities)) {
    sum += ((right - yes) * right) / called;
    yes = right;
  }
  return sum / yes;
}

/**
 * The threshold with the greatest F1 on these inputs, and the one nearest to ½ on ties; ½ if no answer is yes. Measure with
 * it on other inputs than these.
 */
export function bestThreshold(answers: ArrayLike<number>, probabilities: ArrayLike<number>): number {
  const all = outcomes(answers, probabilities);
  const yes = all.at(-1)?.right ?? 0;
  let best = {threshold: 0.5, f1: 0};
  for (const {threshold, called, right} of all) {
    const f1 = (2 * right) / (called + yes);
    const isNearer = Math.abs(threshold - 0.5) < Math.abs(best.threshold - 0.5);
    if (f1 > best.f1 || (f1 === best.f1 && f1 > 0 && isNearer)) best = {threshold, f1};
  }
  return best.threshold;
}

/** What a threshold comes to. */
interface Outcome {
  readonly threshold: number;
  /** Number of inputs that have at least this probability. */
  readonly called: number;
  /** Number of those that are yes. */
  readonly right: number;
}

/** The outcome of each probability that occurs, the greatest first. */
function outcomes(answers: ArrayLike<number>, probabilities: ArrayLike<number>): Outcome[] {
  const rows = answeredRows(answers).sort((one, other) => probabilities[other]! - probabilities[one]!);
  const found: Outcome[] = [];
  let right = 0;
  for (const [index, row] of rows.entries()) {
    right += answers[row]!;
    const [threshold, next] = [probabilities[row]!, rows[index + 1]];
    if (next !== undefined && probabilities[next] === threshold) continue;
    found.push({threshold, called: index + 1, right});
  }
  return found;
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
