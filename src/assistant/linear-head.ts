import {crossEntropies} from '../engine/cross-entropy.ts';
import {tf, valuesOf} from '../engine/tf.ts';
import {minimise, type Objective} from '../statistics/minimise.ts';

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
  const {width, classes, start, tolerance = 1e-4} = options;
  const {objective, dispose} = objectiveOf(examples, options);
  try {
    const from = start?.weights ?? new Float64Array((width + 1) * classes);
    return {weights: minimise(objective, from, {tolerance}).point, width, classes};
  } finally {
    dispose();
  }
}

/** Logits [count, classes] of rows of features [count, width]. */
export function headLogits({weights, width, classes}: LinearHead, features: Float32Array): Float32Array {
  return valuesOf(() => {
    const all = tf.tensor2d(new Float32Array(weights), [width + 1, classes]);
    return tf.matMul(tf.tensor2d(withOnes(features, width), [features.length / width, width + 1]), all);
  });
}

interface MeanLoss {
  /** The mean over the rows of their losses, with the penalty. */
  readonly objective: Objective;
  readonly dispose: () => void;
}

/** The rows stay on the engine, and only weights and gradients move. */
function objectiveOf({features, targets, weights}: HeadExamples, options: LinearHeadOptions): MeanLoss {
  const {width, classes, penalty} = options;
  const count = targets.length / classes;
  const each = weights ?? new Float32Array(count).fill(1);
  const weight = each.reduce((sum, one) => sum + one, 0);
  const rows = tf.tensor2d(withOnes(features, width), [count, width + 1]);
  const wanted = tf.tensor2d(targets, [count, classes]);
  const shares = tf.tensor2d(
    each.map(one => one / weight),
    [count, 1],
  );
  const single = new Float32Array((width + 1) * classes);
  return {
    objective(point, gradient) {
      single.set(point);
      const values = valuesOf(() => {
        const logits = tf.matMul<tf.Tensor2D>(rows, tf.tensor2d(single, [width + 1, classes]));
        const {losses, slopes} = crossEntropies(logits, wanted);
        const gradient = tf.matMul(rows, tf.mul(slopes, shares), true);
        return tf.concat([tf.reshape(gradient, [-1]), tf.reshape(tf.matMul(tf.reshape(losses, [1, -1]), shares), [1])]);
      });
      return values[gradient.length]! + addPenalty(point, penalty / weight, values, gradient);
    },
    dispose: () => tf.dispose([rows, wanted, shares]),
  };
}

/** Rows with a 1 at their ends, which biases are multiplied by. */
function withOnes(features: Float32Array, width: number): Float32Array {
  const rows = new Float32Array((features.length / width) * (width + 1)).fill(1);
  for (let row = 0; row * width < features.length; row++) {
    rows.set(features.subarray(row * width, (row + 1) * width), row * (width + 1));
  }
  return rows;
}

/** Adds the slopes of λ/2 · ‖θ‖² to others, and returns its value. */
function addPenalty(point: Float64Array, penalty: number, slopes: Float32Array, sum: Float64Array): number {
  let square = 0;
  for (let axis = 0; axis < point.length; axis++) {
    const weight = point[axis]!;
    square += weight * weight;
    sum[axis] = slopes[axis]! + penalty * weight;
  }
  return (penalty / 2) * square;
}
