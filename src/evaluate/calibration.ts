import {type Distributions, distributionsOf} from '../data/arrays.ts';
import {exactInterval} from '../statistics/bounds.ts';
import type {Calibration, Guarantee} from '../student/student.ts';
import {mean} from './statistics.ts';

// In this file `logits` are [count, classes], row-major, about inputs that the model did not learn from. `labels` are
// [count], the teacher's classes.

/** The outcome of inputs in a cascade. */
export interface Cascaded {
  /** Share of inputs that the model answers itself. */
  readonly localShare: number;
  /** Share of all inputs whose answer equals the teacher's, those that the teacher answers included. */
  readonly agreement: number;
  /** Exact 95 % interval of the agreement on inputs like these. */
  readonly interval: readonly [low: number, high: number];
  /** Number of inputs. */
  readonly inputs: number;
}

/** The outcome if the teacher answers the inputs on which the model's confidence is below the threshold. */
export function cascaded(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  {temperature, threshold = 0}: {readonly temperature: number; readonly threshold?: number},
): Cascaded {
  const judged = judgedAnswers(logits, labels, classes, temperature);
  const inputs = judged.length;
  const local = judged.filter(({confidence}) => confidence >= threshold);
  const same = inputs - local.filter(({agrees}) => !agrees).length;
  return {
    localShare: local.length / inputs,
    agreement: same / inputs,
    interval: exactInterval(same, inputs),
    inputs,
  };
}

/** A student with its teacher behind it: what was promised, and what became of the test split. */
export interface CascadeResult extends Cascaded {
  /** Confidence from which the student answers by itself; above 1 it never does. */
  readonly threshold: number;
  /** Absent of a threshold that is a point estimate, as those of earlier versions are. */
  readonly guarantee?: Guarantee | undefined;
}

/**
 * A calibrated student with its teacher behind it. If the student answers an input by itself that the teacher left without
 * an answer, that counts as a disagreement.
 *
 * @param named - the classes that the teacher names; -1 for an input without an answer
 */
export function cascadeOf(
  logits: ArrayLike<number>,
  named: ArrayLike<number>,
  classes: number,
  {temperature, threshold = 0, guarantee}: Calibration,
): CascadeResult {
  return {...cascaded(logits, named, classes, {temperature, threshold}), threshold, guarantee};
}

/** An answer of the model to one input. */
export interface JudgedAnswer {
  /** The largest probability. */
  readonly confidence: number;
  /** True if the teacher names the same class. */
  readonly agrees: boolean;
}

/** The model's confidence in each answer, and if the teacher agrees. */
export function judgedAnswers(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  temperature: number,
): JudgedAnswer[] {
  return judgedOf(distributionsOf(logits, classes, temperature), labels);
}

/** The same of distributions. */
export function judgedOf({named, confidences}: Distributions, labels: ArrayLike<number>): JudgedAnswer[] {
  return Array.from(named, (best, row) => ({
    confidence: Math.min(1, confidences[row]!),
    agrees: best === labels[row],
  }));
}

/** The answers that students would give if they left the others to the teacher. */
export interface CoveragePoint {
  /** Share of the inputs that they answer: those that they are surest of. */
  readonly coverage: number;
  /** Agreement with the teacher on these inputs, mean over seeds. */
  readonly agreement: number;
  /** Confidence from which the first seed's student answers so many. */
  readonly threshold: number;
}

/** The most points of a coverage curve. */
const COVERAGE_POINTS = 50;

/**
 * Agreement by coverage, the risk-coverage curve of El-Yaniv and Wiener (2010) with agreement for risk: at equal steps from
 * the surest answers to all.
 *
 * @param judged - the answers of each seed's student to the same inputs
 */
export function coverageCurve(judged: readonly (readonly JudgedAnswer[])[]): CoveragePoint[] {
  const inputs = judged[0]!.length;
  const points = Math.min(COVERAGE_POINTS, inputs);
  const sorted = judged.map(answers => answers.toSorted((one, other) => other.confidence - one.confidence));
  const agreeing = sorted.map(agreeingUpTo);
  return Array.from({length: points}, (_, point) => {
    const answered = Math.round(((point + 1) * inputs) / points);
    return {
      coverage: answered / inputs,
      agreement: mean(agreeing.map(counts => counts[answered - 1]! / answered)),
      threshold: sorted[0]![answered - 1]!.confidence,
    };
  });
}

/**
 * How many of the first answers agree, by their number. Answers of one confidence count by their mean: their order is
 * chance.
 */
function agreeingUpTo(sorted: readonly JudgedAnswer[]): Float64Array {
  const counts = new Float64Array(sorted.length);
  let total = 0;
  for (let start = 0; start < sorted.length; ) {
    let end = start;
    let agreeing = 0;
    for (; end < sorted.length && sorted[end]!.confidence === sorted[start]!.confidence; end++) {
      if (sorted[end]!.agrees) agreeing++;
    }
    for (let rank = start; rank < end; rank++) counts[rank] = total + (agreeing * (rank - start + 1)) / (end - start);
    total += agreeing;
    start = end;
  }
  return counts;
}

/** The agreement of a student by coverage. */
export interface Coverage {
  readonly points: readonly CoveragePoint[];
  /** At the threshold of the first seed's cascade; absent if the recipe's calibration names no agreement. */
  readonly chosen?: CoveragePoint | undefined;
}

/**
 * Agreement by coverage of a method's students.
 *
 * @param judged - the answers of each seed's student to the same inputs
 * @param threshold - confidence from which the first seed's student answers by itself; undefined if none was chosen
 */
export function coverageOf(judged: readonly (readonly JudgedAnswer[])[], threshold: number | undefined): Coverage {
  const points = coverageCurve(judged);
  if (threshold === undefined) return {points};
  const own = judged[0]!.filter(({confidence}) => confidence >= threshold);
  const agreement = mean(own.map(({agrees}) => (agrees ? 1 : 0)));
  return {points, chosen: {coverage: own.length / judged[0]!.length, agreement, threshold}};
}
