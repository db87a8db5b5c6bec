import {tf} from '../engine/tf.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {type LogitTerm, logitBatch} from './logit-term.ts';
import {checkShare, type LossTerm, rampUp} from './loss.ts';
import {softLabels} from './soft-labels.ts';
import {checkTemperature} from './temperature.ts';

export interface LearnedTemperatureOptions {
  /**
   * Lower limit of T.
   *
   * @default 1
   */
  readonly least?: number;
  /**
   * Range of T, whose upper limit is `least` + `span`.
   *
   * @default 20
   */
  readonly span?: number;
  /**
   * Share of the run, from 0 to 1, in which the adversary grows to its full strength. The authors: 10 of 240 epochs.
   *
   * @default 0.1
   */
  readonly rampUp?: number;
}

const KINDS = {
  least: kinds.number,
  span: kinds.number,
  rampUp: kinds.number,
} satisfies Shape<LearnedTemperatureOptions>;

/**
 * T = least + span · σ(θ), with θ learned from 1 against the student: the student moves down the gradient of the term,
 * and θ moves up it, with λ = ½ (1 − cos(π · s)) of its length and s growing from 0 to 1 over the first share of the
 * run.
 *
 * Li et al. (2023), Curriculum Temperature for Knowledge Distillation, section Method, with one θ for all examples.
 *
 * @param term - the term whose temperature is learned; its own is ignored. The default is the published one, to combine
 * with `hardLabels({weight: 0.1})`
 */
export function learnedTemperature(
  term: LogitTerm = softLabels({weight: 0.9}),
  options: LearnedTemperatureOptions = {},
): LossTerm {
  checkOptions('learnedTemperature', options, KINDS);
  const {least = 1, span = 20, rampUp: share = 0.1} = options;
  checkTemperature(least, 'least');
  checkTemperature(span, 'span');
  checkShare('rampUp', share);
  return {
    name: `learned-temperature ${term.name}`,
    weight: term.weight,
    needs: term.needs,
    // The temperature at the initial θ of 1.
    temperature: least + span / (1 + Math.exp(-1)),
    studentFeatures: [],
    prepare() {
      const θ = tf.tidy(() => tf.variable(tf.tensor1d([1])));
      return {
        variables: [θ],
        value: (targets, {logits}, progress) =>
          tf.tidy(() => {
            const T = tf.add(tf.mul(tf.sigmoid(reversed(θ, strength(progress, share))), span), least);
            return term.compare(logitBatch(term, targets, logits, progress), tf.reshape(T, []));
          }),
      };
    },
  };
}

/** λ, which rises from 0 to 1 along half a cosine. */
function strength(progress: tf.Scalar | undefined, share: number): tf.Scalar {
  const ramp = tf.mul(rampUp(progress, share), Math.PI);
  return tf.mul(tf.sub(1, tf.cos(ramp)), 0.5);
}

/** Returns x, and multiplies its gradient by −λ. */
function reversed(x: tf.Tensor, λ: tf.Scalar): tf.Tensor {
  const reverse = tf.customGrad((x, save) => {
    (save as tf.GradSaveFunc)([λ]);
    return {
      value: tf.clone(x as tf.Tensor),
      gradFunc: (dy: tf.Tensor, [λ]: tf.Tensor[]) => tf.neg(tf.mul(dy, λ!)),
    };
  });
  return reverse(x);
}
