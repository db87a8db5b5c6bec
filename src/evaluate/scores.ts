import {answeredRows, softmaxRows} from '../data/arrays.ts';
import {mean, spearman} from './statistics.ts';

// In this file the K classes are the levels of a score, the lowest first: 0, 1, …, K − 1. `taught` and `named` are
// [count], the levels that teacher and student name; `taught` is -1 for an input without an answer, which counts nowhere.
// `logits` are [count, K], row-major, and can be log-probabilities.

/** Σ_k k · p_k of each row: the mean level. */
export function expectedLevels(logits: ArrayLike<number>, levels: number): Float64Array {
  const p = softmaxRows(logits, levels);
  return Float64Array.from({length: p.length / levels}, (_, row) => {
    let sum = 0;
    for (let level = 0; level < levels; level++) sum += level * p[row * levels + level]!;
    return sum;
  });
}

/**
 * The lowest level of each row that is reached with a probability of at least ½. Of all single levels, the median has the
 * least expected distance to the distribution, so it is the level to name if the mean absolute error counts. The most
 * probable level (`argmaxRows`) is right most often.
 */
export function medianLevels(logits: ArrayLike<number>, levels: number): Int32Array {
  const p = softmaxRows(logits, levels);
  return Int32Array.from({length: p.length / levels}, (_, row) => {
    let [level, reached] = [0, p[row * levels]!];
    // A softmax of ½ and ½ can round to just below ½.
    while (level < levels - 1 && reached < 0.5 - 1e-12) reached += p[row * levels + ++level]!;
    return level;
  });
}

/** How far values of a student are from those of its teacher, in levels. */
export interface DistanceMetrics {
  /** Number of inputs with an answer. */
  readonly answered: number;
  /** Mean absolute difference. */
  readonly mae: number;
  /** Root of the mean squared difference. */
  readonly rmse: number;
  /** Mean of student minus teacher: above 0 if the student scores too high. */
  readonly bias: number;
  /**
   * Spearman's rank correlation; NaN if a side does not vary. It does not see a bias: a student that scores everything one
   * level too high has 1.
   */
  readonly spearman: number;
}

/** How well a student knows a score. */
export interface ScoreMetrics extends DistanceMetrics {
  /** Share of the inputs with the same level. */
  readonly exact: number;
  /** Share of the inputs with the same level or a neighbour of it. */
  readonly withinOne: number;
  /** See `quadraticWeightedKappa`. */
  readonly quadraticKappa: number;
}

/**
 * The metrics of a score, each NaN if there is no answer. Which level of a distribution the student names is for you to
 * fix: `medianLevels` has the least mean absolute error.
 */
export function scoreMetrics(taught: ArrayLike<number>, named: ArrayLike<number>, levels: number): ScoreMetrics {
  const distances = answeredRows(taught).map(row => Math.abs(named[row]! - taught[row]!));
  return {
    exact: mean(distances.map(distance => (distance === 0 ? 1 : 0))),
    withinOne: mean(distances.map(distance => (distance <= 1 ? 1 : 0))),
    ...levelDistances(taught, named),
    quadraticKappa: quadraticWeightedKappa(taught, named, levels),
  };
}

/**
 * The distances between levels, or between expected levels, which need not be whole.
 *
 * @param taught - [count]; below 0 or NaN if there is no answer
 */
export function levelDistances(taught: ArrayLike<number>, named: ArrayLike<number>): DistanceMetrics {
  const rows = answeredRows(taught);
  const [teacher, student] = [rows.map(row => taught[row]!), rows.map(row => named[row]!)];
  const differences = student.map((value, index) => value - teacher[index]!);
  return {
    answered: rows.length,
    mae: mean(differences.map(Math.abs)),
    rmse: Math.sqrt(mean(differences.map(difference => difference ** 2))),
    bias: mean(differences),
    spearman: varies(teacher) && varies(student) ? spearman(teacher, student) : Number.NaN,
  };
}

const varies = (values: readonly number[]): boolean => values.some(value => value !== values[0]);

/**
 * 1 − Σ_ij (i − j)² · O_ij / Σ_ij (i − j)² · E_ij, with O the counts of the pairs of levels and E those to expect if both
 * named their levels independently. Cohen (1968), with squared distances as weights. 1 is agreement, 0 is chance.
 *
 * @returns NaN if both always name one and the same level
 */
export function quadraticWeightedKappa(taught: ArrayLike<number>, named: ArrayLike<number>, levels: number): number {
  const rows = answeredRows(taught);
  const [ofTeacher, ofStudent] = [new Float64Array(levels), new Float64Array(levels)];
  let observed = 0;
  for (const row of rows) {
    ofTeacher[taught[row]!]!++;
    ofStudent[named[row]!]!++;
    observed += (taught[row]! - named[row]!) ** 2;
  }
  let expected = 0;
  for (const [one, count] of ofTeacher.entries()) {
    for (const [other, times] of ofStudent.entries()) expected += (one - other) ** 2 * count * times;
  }
  return 1 - (observed * rows.length) / expected;
}

/**
 * mean Σ_{k=0}^{K−2} (F_k − G_k)², with the cumulative distributions F of the student and G of the teacher; from 0 to K −
 * 1. Epstein (1969); Murphy (1971).
 */
export function rankedProbabilityScore(
  teacherLogits: ArrayLike<number>,
  studentLogits: ArrayLike<number>,
  levels: number,
): number {
  return meanOfCumulated(teacherLogits, studentLogits, levels, difference => difference ** 2);
}

/** mean Σ_{k=0}^{K−2} |F_k − G_k|: how far, in levels, the mass of one distribution must be moved to make the other. */
export function wasserstein1(
  teacherLogits: ArrayLike<number>,
  studentLogits: ArrayLike<number>,
  levels: number,
): number {
  return meanOfCumulated(teacherLogits, studentLogits, levels, Math.abs);
}

/** The mean over the rows of the sum of a cost of F_k − G_k. */
function meanOfCumulated(
  teacherLogits: ArrayLike<number>,
  studentLogits: ArrayLike<number>,
  levels: number,
  cost: (difference: number) => number,
): number {
  const [q, p] = [softmaxRows(teacherLogits, levels), softmaxRows(studentLogits, levels)];
  let sum = 0;
  for (let start = 0; start < q.length; start += levels) {
    let difference = 0;
    for (let index = start; index < start + levels - 1; index++) {
      difference += p[index]! - q[index]!;
      sum += cost(difference);
    }
  }
  return sum / (q.length / levels);
}
