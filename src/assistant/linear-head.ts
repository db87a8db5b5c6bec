import {tf, valuesOf} from '../engine/tf.ts';
import {type Evaluation, minimise} from '../statistics/minimise.ts';

/** Rows of features, and how sure the answers are of each class. */
export interface HeadExamples {
  /** [count, width] */
  readonly features: Float32Array;
  /** [count, classes], each row a distribution */
  readonly targets: Float32Array;
  /**
   * [count], how much each row counts.
   *
   * @default 1
   */
  readonly weights?: Float32Array | undefined;
}

export interface LinearHeadOptions {
  readonly width: number;
  readonly classes: number;
  /** λ of the L2 penalty λ/2 · ‖W‖² beside the sum of the losses of all rows; above 0. Biases count as weights. */
  readonly penalty: number;
  /**
   * The head that the search starts from. It changes how long the search takes, and nothing else.
   *
   * @default zeros
   */
  readonly start?: LinearHead | undefined;
  /**
   * How exact the search is, see `MinimiseOptions`.
   *
   * @default 1e-4
   */
  readonly tolerance?: number;
}

/** A linear map from features to logits. */
export interface LinearHead {
  /** [width + 1, classes]; the last row holds the biases. */
  readonly weights: Float64Array;
  readonly width: number;
  readonly classes: number;
}

/**
 * Multinomial logistic regression on soft labels, with an L2 penalty: the one minimum of
 * Σ_i w_i · H(p_i, softmax(x_i · W + b)) + λ/2 · (‖W‖² + ‖b‖²). With labels it is what scikit-learn's
 * `LogisticRegression(C=1/λ)` fits, except that it penalises biases as well.
 */
export function fitLinearHead(examples: HeadExamples, options: LinearHeadOptions): LinearHead {
  const {width, classes, penalty, start, tolerance = 1e-4} = options;
  const objective = objectiveOf(examples, options);
  try {
    const from = start?.weights ?? new Float64Array((width + 1) * classes);
    const share = penalty / objective.weight;
    const {point} = minimise(at => withPenalty(objective.evaluate(at), at, share), from, {tolerance});
    return {weights: point, width, classes};
  } finally {
    objective.dispose();
  }
}

/** Logits [count, classes] of rows of features [count, width]. */
export function headLogits({weights, width, classes}: LinearHead, features: Float32Array): Float32Array {
  return valuesOf(() => {
    const all = tf.tensor2d(new Float32Array(weights), [width + 1, classes]);
    return logitsOf(tf.tensor2d(features, [features.length / width, width]), all, width);
  });
}

interface MeanLoss {
  /** The mean loss over the rows, and its gradient, without the penalty. */
  evaluate(point: Float64Array): Evaluation;
  /** The sum of the weights of all rows. */
  readonly weight: number;
  dispose(): void;
}

/** The rows stay on the engine, and only weights and gradients move. */
function objectiveOf({features, targets, weights}: HeadExamples, {width, classes}: LinearHeadOptions): MeanLoss {
  const count = targets.length / classes;
  const each = weights ?? new Float32Array(count).fill(1);
  const weight = each.reduce((sum, one) => sum + one, 0);
  const rows = tf.tensor2d(features, [count, width]);
  const wanted = tf.tensor2d(targets, [count, classes]);
  const share = tf.tensor2d(
    each.map(one => one / weight),
    [count, 1],
  );
  return {
    weight,
    evaluate(point) {
      const read = tf.tidy(() => {
        const logits = logitsOf(rows, tf.tensor2d(new Float32Array(point), [width + 1, classes]), width);
        const losses = tf.sub(tf.logSumExp(logits, 1, true), tf.sum(tf.mul(wanted, logits), 1, true));
        const errors = tf.mul(tf.sub(tf.softmax(logits), wanted), share);
        const slopes = tf.concat([tf.matMul(rows, errors, true), tf.sum(errors, 0, true)]);
        return tf.concat([tf.reshape(tf.sum(tf.mul(losses, share)), [1]), tf.reshape(slopes, [-1])]);
      });
      const values = read.dataSync<'float32'>();
      read.dispose();
      return {value: values[0]!, gradient: new Float64Array(values.subarray(1))};
    },
    dispose: () => tf.dispose([rows, wanted, share]),
  };
}

function logitsOf(rows: tf.Tensor2D, weights: tf.Tensor2D, width: number): tf.Tensor2D {
  return tf.add(tf.matMul(rows, tf.slice(weights, [0, 0], [width, -1])), tf.slice(weights, [width, 0], [1, -1]));
}

/** Adds λ/2 · ‖θ‖² and its slopes. */
function withPenalty({value, gradient}: Evaluation, point: Float64Array, penalty: number): Evaluation {
  let square = 0;
  for (let axis = 0; axis < point.length; axis++) {
    const weight = point[axis]!;
    square += weight * weight;
    gradient[axis]! += penalty * weight;
  }
  return {value: value + (penalty / 2) * square, gradient};
}
