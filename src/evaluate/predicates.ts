import {answeredRows} from '../data/arrays.ts';
import {checkOptions, kinds} from '../options.ts';
import {calibrationGap, type ReliabilityBin, type ReliabilityOptions, reliabilityBins} from './reliability.ts';
import {mean} from './statistics.ts';

// In this file `answers` are what the teacher says of a predicate: 1 for yes, 0 for no, and -1 if it gave no answer.
// `probabilities` are the student's P(yes). Of one predicate both are [count]; of several they are [count, questions],
// row-major. What has no answer counts nowhere.

/** How well a student knows one predicate. */
export interface PredicateMetrics {
  /** Number of inputs with an answer. */
  readonly answered: number;
  /** Number of inputs to which the teacher says yes. */
  readonly yes: number;
  /** Number of inputs to which the student says yes. */
  readonly saidYes: number;
  /** Share of the answered inputs on which both say the same; NaN if there are none. */
  readonly agreement: number;
  /** Share of what the student calls yes that is; 0 if it calls nothing so. */
  readonly precision: number;
  /** Share of what is yes that the student calls so; 0 if nothing is. */
  readonly recall: number;
  /** 2 TP / (2 TP + FP + FN); 0 if nothing is yes or called so. */
  readonly f1: number;
}

/** Counts of inputs by what the teacher says and what the student says. */
interface Counts {
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly falseNegatives: number;
  readonly trueNegatives: number;
}

/**
 * The metrics of one predicate, whose student says yes from a threshold on. Fix the threshold on other inputs than these.
 *
 * @param threshold - P(yes) from which the student says yes
 */
export function predicateMetrics(
  answers: ArrayLike<number>,
  probabilities: ArrayLike<number>,
  threshold = 0.5,
): PredicateMetrics {
  return metricsOf(countsOf(answers, probabilities, threshold, 0, 1));
}

function countsOf(
  answers: ArrayLike<number>,
  probabilities: ArrayLike<number>,
  threshold: number,
  question: number,
  questions: number,
): Counts {
  const counts = [0, 0, 0, 0];
  for (let cell = question; cell < answers.length; cell += questions) {
    if (answers[cell]! < 0) continue;
    counts[2 * answers[cell]! + (probabilities[cell]! >= threshold ? 1 : 0)]!++;
  }
  const [trueNegatives, falsePositives, falseNegatives, truePositives] = counts as [number, number, number, number];
  return {truePositives, falsePositives, falseNegatives, trueNegatives};
}

function metricsOf({truePositives, falsePositives, falseNegatives, trueNegatives}: Counts): PredicateMetrics {
  const [yes, saidYes] = [truePositives + falseNegatives, truePositives + falsePositives];
  const answered = yes + falsePositives + trueNegatives;
  return {
    answered,
    yes,
    saidYes,
    agreement: (truePositives + trueNegatives) / answered,
    precision: truePositives / Math.max(1, saidYes),
    recall: truePositives / Math.max(1, yes),
    f1: (2 * truePositives) / Math.max(1, yes + saidYes),
  };
}

/** How well a student knows several predicates about the same inputs. */
export interface MultiLabelMetrics {
  /** Each by itself. */
  readonly questions: readonly PredicateMetrics[];
  /** The metrics of all answers as if they were of one predicate. */
  readonly micro: PredicateMetrics;
  /** Mean F1 of the predicates; a predicate that is never yes and never called so counts 0, see its `yes`. */
  readonly macroF1: number;
  /** Number of inputs with an answer to every predicate. */
  readonly completeInputs: number;
  /** Share of the complete inputs on which every predicate is right; NaN if there are none. */
  readonly subsetAccuracy: number;
  /** Share of wrong answers of the complete inputs; NaN if there are none. */
  readonly hammingLoss: number;
}

/**
 * The metrics of several predicates. Tsoumakas and Katakis (2007), Multi-Label Classification: An Overview, section 5,
 * for subset accuracy and Hamming loss.
 *
 * @param answers - [count, questions]
 * @param probabilities - [count, questions]
 * @param thresholds - P(yes) from which the student says yes, for each predicate
 */
export function multiLabelMetrics(
  answers: ArrayLike<number>,
  probabilities: ArrayLike<number>,
  thresholds: readonly number[],
): MultiLabelMetrics {
  const questions = thresholds.length;
  const counts = thresholds.map((threshold, index) => countsOf(answers, probabilities, threshold, index, questions));
  const wrong = wrongOfComplete(answers, probabilities, thresholds);
  const metrics = counts.map(metricsOf);
  return {
    questions: metrics,
    micro: metricsOf(counts.reduce(addCounts)),
    macroF1: mean(metrics.map(({f1}) => f1)),
    completeInputs: wrong.length,
    subsetAccuracy: mean(wrong.map(count => (count === 0 ? 1 : 0))),
    hammingLoss: mean(wrong) / questions,
  };
}

function addCounts(one: Counts, other: Counts): Counts {
  return {
    truePositives: one.truePositives + other.truePositives,
    falsePositives: one.falsePositives + other.falsePositives,
    falseNegatives: one.falseNegatives + other.falseNegatives,
    trueNegatives: one.trueNegatives + other.trueNegatives,
  };
}

/** The number of wrong answers of each input that has an answer to every predicate. */
function wrongOfComplete(
  answers: ArrayLike<number>,
  probabilities: ArrayLike<number>,
  thresholds: readonly number[],
): number[] {
  const wrong: number[] = [];
  for (let start = 0; start < answers.length; start += thresholds.length) {
    if (thresholds.some((_, question) => answers[start + question]! < 0)) continue;
    const isWrong = (threshold: number, question: number): boolean =>
      (probabilities[start + question]! >= threshold ? 1 : 0) !== answers[start + question];
    wrong.push(thresholds.filter(isWrong).length);
  }
  return wrong;
}

/** Bins of a reliability diagram of P(yes) itself: how often the teacher says yes at each P(yes) of the student. */
export function yesReliability(
  answers: ArrayLike<number>,
  probabilities: ArrayLike<number>,
  options: ReliabilityOptions = {},
): ReliabilityBin[] {
  checkOptions('yesReliability', options, {bins: kinds.number});
  const rows = answeredRows(answers);
  const confidences = rows.map(row => probabilities[row]!);
  return reliabilityBins(confidences, row => answers[rows[row]!] === 1, options);
}

/** The calibration error of P(yes) itself: Σ_b (n_b / n) · |share of yes_b − mean P(yes)_b|. `ece` is that of the class. */
export function yesEce(
  answers: ArrayLike<number>,
  probabilities: ArrayLike<number>,
  options: ReliabilityOptions = {},
): number {
  checkOptions('yesEce', options, {bins: kinds.number});
  return calibrationGap(yesReliability(answers, probabilities, options));
}
