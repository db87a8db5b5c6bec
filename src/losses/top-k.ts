import {tf} from '../engine/tf.ts';
import {InputError} from '../errors.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import type {LossTerm} from './loss.ts';
import {onlyClasses, type RowWeights, withoutClasses} from './rows.ts';
import {softLabelLoss} from './soft-labels.ts';
import {checkTemperature} from './temperature.ts';

/**
 * The treatment of the mass on classes that a top-k answer does not name. `fill` spreads it over these classes.
 * `bucket` counts these classes as one, on both sides. `zero` drops it and renormalises the named classes, which makes
 * the student overconfident; it exists to demonstrate that.
 */
export type Rest = 'fill' | 'bucket' | 'zero';

export interface TopKOptions {
  /**
   * T, on both sides. `bucket` allows only 1, because it is unknown how the classes in the bucket would soften.
   *
   * @default 1
   */
  readonly temperature?: number;
  /** @default 'fill' */
  readonly rest?: Rest;
}

/**
 * T² · mean_i KL(p_i || q_i) for a teacher that names its k best classes, over
 *
 * - `fill`: all K classes, with p as `fillRest` filled it. If the student gives its unnamed classes equal
 *   probabilities, it is the full divergence minus a constant that their true shape adds. Otherwise it can exceed the
 *   full divergence.
 * - `bucket`: the k named classes and one more for the rest. At T = 1 it never exceeds the full divergence, by the
 *   log-sum inequality (Cover and Thomas (2006), theorem 2.7.1).
 * - `zero`: p renormalised over the named classes, q over all classes.
 *
 * @param teacher - [batch, classes], log-probabilities from `fillRest`
 * @param named - [batch, classes], 1 if the answer names the class, else 0
 * @param student - [batch, classes], logits
 */
export function topKLoss(
  teacher: tf.Tensor2D,
  named: tf.Tensor2D,
  student: tf.Tensor2D,
  {temperature = 1, rest = 'fill', weights}: TopKOptions & RowWeights = {},
): tf.Scalar {
  return tf.tidy(() => {
    switch (rest) {
      case 'fill':
        return softLabelLoss(teacher, student, {temperature, weights});
      case 'bucket':
        return softLabelLoss(withBucket(teacher, named), withBucket(student, named), {temperature, weights});
      case 'zero':
        return softLabelLoss(onlyClasses(teacher, named), student, {temperature, weights});
    }
  });
}

/** [batch, classes + 1]: the named classes, and all others together in the last column. */
function withBucket(logits: tf.Tensor2D, named: tf.Tensor2D): tf.Tensor2D {
  const others = tf.logSumExp(withoutClasses(logits, named), 1, true) as tf.Tensor2D;
  return tf.concat([onlyClasses(logits, named), others], 1);
}

export interface TopKTermOptions extends TopKOptions {
  /**
   * λ of the term.
   *
   * @default 1
   */
  readonly weight?: number;
}

const KINDS = {weight: kinds.number, temperature: kinds.number, rest: kinds.text} satisfies Shape<TopKTermOptions>;

/**
 * The student learns the classes that the teacher names, and the mass of the rest. Whole distributions name all
 * classes.
 */
export function topKLabels(options: TopKTermOptions = {}): LossTerm {
  checkOptions('topKLabels', options, KINDS);
  const {weight = 1, temperature = 1, rest = 'fill'} = options;
  checkTemperature(temperature);
  if (rest === 'bucket' && temperature !== 1) {
    throw new InputError(
      `\`rest: 'bucket'\` needs \`temperature: 1\`, got ${temperature}. Use \`rest: 'fill'\`, which is right at every temperature.`,
    );
  }
  return {
    name: 'top-k-labels',
    weight,
    needs: {kind: 'top-k', k: 1},
    temperature,
    atTemperature: rest === 'bucket' ? undefined : other => topKLabels({weight, temperature: other, rest}),
    studentFeatures: [],
    prepare: () => ({
      variables: [],
      value: ({logProbabilities, named, weights}, {logits}) =>
        named === undefined
          ? softLabelLoss(logProbabilities!, logits, {temperature, weights})
          : topKLoss(logProbabilities!, named, logits, {temperature, rest, weights}),
    }),
  };
}
