import {tf} from '../engine/tf.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {type LogitTerm, logitTerm} from './logit-term.ts';
import {checkPartWeight} from './loss.ts';
import {correlation} from './rows.ts';
import {softenBy, type Temperature, timesSquare} from './temperature.ts';

export interface DistOptions {
  /**
   * τ. It divides the logits of both sides before the softmax. Published: 4 for CIFAR-100, 1 for ImageNet.
   *
   * @default 4
   */
  readonly temperature?: number;
  /**
   * β, the weight of the relations between the classes of each example.
   *
   * @default 1
   */
  readonly beta?: number;
  /**
   * γ, the weight of the relations between the examples of the batch, class by class. They mean little in batches below
   * 16.
   *
   * @default 1
   */
  readonly gamma?: number;
}

/**
 * τ² · (β · (1 − mean_i ρ(p_i·, q_i·)) + γ · (1 − mean_c ρ(p_·c, q_·c))), with p = softmax(teacher / τ),
 * q = softmax(student / τ) and Pearson's ρ, along each row and along each column of the batch.
 *
 * Huang et al. (2022), Knowledge Distillation from A Stronger Teacher, section 3. A correlation ignores the scale of
 * the probabilities, which a small student can't match. In a batch of one, the second part has nothing to compare: it
 * is γτ², with no gradient.
 *
 * @param teacherLogits - [batch, classes], logits or log-probabilities, all finite
 * @param studentLogits - [batch, classes]
 */
export function distLoss(teacherLogits: tf.Tensor2D, studentLogits: tf.Tensor2D, options: DistOptions = {}): tf.Scalar {
  return correlated(teacherLogits, studentLogits, options.temperature ?? 4, options);
}

function correlated(
  teacher: tf.Tensor2D,
  student: tf.Tensor2D,
  T: Temperature,
  {beta = 1, gamma = 1}: DistOptions,
): tf.Scalar {
  return tf.tidy(() => {
    const [p, q] = [probabilities(teacher, T), probabilities(student, T)];
    const between = tf.sub(1, tf.mean(correlation(p, q, 1)));
    const within = tf.sub(1, tf.mean(correlation(p, q, 0)));
    return timesSquare(tf.add(tf.mul(between, beta), tf.mul(within, gamma)), T);
  });
}

/** A softmax that is equal in graphs and in single operations. TensorFlow's own differs in the last bit. */
function probabilities(logits: tf.Tensor2D, T: Temperature): tf.Tensor2D {
  return tf.exp(tf.logSoftmax(softenBy(logits, T)));
}

export interface DistTermOptions extends DistOptions {
  /**
   * λ of the term.
   *
   * @default 2
   */
  readonly weight?: number;
}

const KINDS = {
  weight: kinds.number,
  temperature: kinds.number,
  beta: kinds.number,
  gamma: kinds.number,
} satisfies Shape<DistTermOptions>;

/**
 * The student learns which classes go together and which examples do, not their probabilities. Combine it with
 * `hardLabels()`, in batches of 16 or more.
 */
export function dist(options: DistTermOptions = {}): LogitTerm {
  checkOptions('dist', options, KINDS);
  const {weight = 2, temperature = 4, beta = 1, gamma = 1} = options;
  checkPartWeight('beta', beta);
  checkPartWeight('gamma', gamma);
  return logitTerm({
    name: 'dist',
    weight,
    temperature,
    comparesInputs: true,
    compare: ({teacher, student}, T) => correlated(teacher, student, T, {beta, gamma}),
  });
}
