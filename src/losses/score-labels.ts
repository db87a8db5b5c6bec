import {tf} from '../engine/tf.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {type LogitTerm, logitTerm} from './logit-term.ts';
import {checkPartWeight, type LossTerm} from './loss.ts';
import {meanOfRows, type RowWeights} from './rows.ts';
import {softened} from './soft-labels.ts';
import type {Temperature} from './temperature.ts';

// In this file the K classes are the levels of a score, the lowest first: 0, 1, …, K − 1.

/**
 * mean_i Σ_{k=0}^{K−2} (F_ik − G_ik)², with F and G the cumulative sums of softmax(student) and softmax(teacher).
 *
 * The ranked probability score of Epstein (1969), in the form of Murphy (1971), with the teacher's distribution instead
 * of an outcome: mass two levels off costs more than mass one level off. It is from 0 to K − 1. By itself it has no
 * gradient if the student is sure and wrong: see `scoreLoss`.
 *
 * @param teacherLogits - [batch, K], logits or log-probabilities, all finite
 * @param studentLogits - [batch, K]
 */
export function rankedProbabilityLoss(
  teacherLogits: tf.Tensor2D,
  studentLogits: tf.Tensor2D,
  {weights}: RowWeights = {},
): tf.Scalar {
  return tf.tidy(() => {
    const difference = tf.sub(tf.softmax(studentLogits), tf.softmax(teacherLogits));
    // Both sums end at 1, so the last difference adds nothing.
    return meanOfRows(tf.sum(tf.square(tf.cumsum(difference, 1)), 1), weights);
  });
}

export interface ScoreOptions {
  /**
   * T of the divergence. It divides the logits of both sides before the softmax.
   *
   * @default 1
   */
  readonly temperature?: number;
  /**
   * λ: how much the order of the levels counts. At 0 the loss is that of soft labels.
   *
   * @default 1
   */
  readonly rankedWeight?: number;
}

/**
 * T² · mean_i KL(p_i || q_i) + λ · RPS / (K − 1), with p and q softened by T, and the ranked probability score at T = 1.
 *
 * The divergence has a gradient everywhere, but is blind to the order of the levels; the ranked probability score knows
 * the order.
 *
 * @param teacherLogits - [batch, K], logits or log-probabilities, all finite
 * @param studentLogits - [batch, K]
 */
export function scoreLoss(
  teacherLogits: tf.Tensor2D,
  studentLogits: tf.Tensor2D,
  {temperature = 1, rankedWeight = 1, weights}: ScoreOptions & RowWeights = {},
): tf.Scalar {
  return ordered(teacherLogits, studentLogits, temperature, rankedWeight, weights);
}

function ordered(
  teacher: tf.Tensor2D,
  student: tf.Tensor2D,
  T: Temperature,
  rankedWeight: number,
  weights?: tf.Tensor1D,
): tf.Scalar {
  return tf.tidy(() => {
    const ranked = rankedProbabilityLoss(teacher, student, {weights});
    return tf.add(softened(teacher, student, T, {weights}), tf.mul(ranked, rankedWeight / (student.shape[1] - 1)));
  });
}

export interface ScoreTermOptions extends ScoreOptions {
  /**
   * λ of the term.
   *
   * @default 1
   */
  readonly weight?: number;
}

const KINDS = {
  weight: kinds.number,
  temperature: kinds.number,
  rankedWeight: kinds.number,
} satisfies Shape<ScoreTermOptions>;

/** The student learns the teacher's distribution over classes in order, the lowest first: see `scoreLoss`. */
export function scoreLabels(options: ScoreTermOptions = {}): LogitTerm {
  checkOptions('scoreLabels', options, KINDS);
  const {weight = 1, temperature = 1, rankedWeight = 1} = options;
  checkPartWeight('rankedWeight', rankedWeight);
  return logitTerm({
    name: 'score-labels',
    weight,
    temperature,
    compare: ({teacher, student, weights}, T) => ordered(teacher, student, T, rankedWeight, weights),
  });
}

/**
 * mean_i ((Σ_k k · softmax(student)_ik − s_i) / (K − 1))², for a teacher that shows the expected level s alone.
 *
 * It fixes one moment: half of the mass at each end and all of it in the middle are the same to it. How widely the
 * student spreads its levels is then its own guess.
 *
 * @param expectedLevels - [batch], from 0 to K − 1
 * @param studentLogits - [batch, K]
 */
export function expectedLevelLoss(
  expectedLevels: tf.Tensor1D,
  studentLogits: tf.Tensor2D,
  {weights}: RowWeights = {},
): tf.Scalar {
  return tf.tidy(() => {
    const difference = tf.sub(expectedIn(studentLogits), expectedLevels);
    return meanOfRows(tf.square(tf.mul(difference, 1 / (studentLogits.shape[1] - 1))), weights);
  });
}

export interface ExpectedTermOptions {
  /**
   * λ of the term.
   *
   * @default 1
   */
  readonly weight?: number;
}

/** The student learns the expected level that the teacher shows of a score: see `expectedLevelLoss`. */
export function expectedLabels(options: ExpectedTermOptions = {}): LossTerm {
  checkOptions('expectedLabels', options, {weight: kinds.number} satisfies Shape<ExpectedTermOptions>);
  const {weight = 1} = options;
  return {
    name: 'expected-labels',
    weight,
    needs: {kind: 'expected'},
    studentFeatures: [],
    prepare: () => ({
      variables: [],
      value: ({expectedLevels, logProbabilities, weights}, {logits}) =>
        expectedLevelLoss(expectedLevels ?? expectedIn(logProbabilities!), logits, {weights}),
    }),
  };
}

/** The expected levels of whole distributions, [batch]. */
function expectedIn(logits: tf.Tensor2D): tf.Tensor1D {
  return tf.sum(tf.mul(tf.softmax(logits), tf.range(0, logits.shape[1])), 1);
}
