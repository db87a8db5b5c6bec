import {tf} from '../engine/tf.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {type LogitTerm, logitTerm} from './logit-term.ts';
import {meanOfRows, type RowWeights, rowDivergence} from './rows.ts';
import {softenBy, type Temperature} from './temperature.ts';

export interface TtmOptions {
  /**
   * T, for the teacher alone: its probabilities are raised to the power of γ = 1 / T and renormalised.
   *
   * @default 4
   */
  readonly temperature?: number;
  /**
   * True weights each example by U, so that those with a less sure teacher, which are smoother, count more (WTTM).
   *
   * @default true
   */
  readonly weighted?: boolean;
}

const KINDS = {weight: kinds.number, temperature: kinds.number, weighted: kinds.flag} satisfies Shape<TtmTermOptions>;

/**
 * mean_i U_i · KL(p̃_i || q_i), with p = softmax(teacher), γ = 1 / T, U = Σ_c p_c^γ, p̃ = p^γ / U and q =
 * softmax(student). If it is not weighted, U is left out. No T softens the student, and there is no T².
 *
 * Zheng and Yang (2024), Knowledge Distillation Based on Transformed Teacher Matching, sections 3 (TTM) and 4 (WTTM).
 *
 * @param teacherLogits - [batch, classes], logits or log-probabilities, all finite
 * @param studentLogits - [batch, classes]
 */
export function ttmLoss(
  teacherLogits: tf.Tensor2D,
  studentLogits: tf.Tensor2D,
  options: TtmOptions & RowWeights = {},
): tf.Scalar {
  return transformed(teacherLogits, studentLogits, options.temperature ?? 4, options);
}

function transformed(
  teacher: tf.Tensor2D,
  student: tf.Tensor2D,
  T: Temperature,
  {weighted = true, weights}: TtmOptions & RowWeights,
): tf.Scalar {
  return tf.tidy(() => {
    const powers = softenBy(tf.logSoftmax(teacher), T);
    const divergences = rowDivergence(tf.logSoftmax(powers), tf.logSoftmax(student));
    return meanOfRows(weighted ? tf.mul(divergences, tf.exp(tf.logSumExp(powers, 1))) : divergences, weights);
  });
}

export interface TtmTermOptions extends TtmOptions {
  /**
   * λ of the term. The authors use 45 without the weights U.
   *
   * @default 4
   */
  readonly weight?: number;
}

/** The student, not softened, learns the softened teacher. Combine it with `hardLabels()`. */
export function ttm(options: TtmTermOptions = {}): LogitTerm {
  checkOptions('ttm', options, KINDS);
  const {weight = 4, temperature = 4, weighted = true} = options;
  return logitTerm({
    name: weighted ? 'wttm' : 'ttm',
    weight,
    temperature,
    compare: ({teacher, student, weights}, T) => transformed(teacher, student, T, {weighted, weights}),
  });
}
