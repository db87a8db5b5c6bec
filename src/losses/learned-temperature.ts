import {tf} from '../engine/tf.ts';
import type {LogitTerm} from './logit-term.ts';
import type {LossTerm} from './loss.ts';
import {checkShare} from './option-checks.ts';
import {rampUp} from './ramp-up.ts';
import {softLabels} from './soft-labels.ts';
import {checkTemperature} from './temperature.ts';

export interface LearnedTemperatureOptions {
  /**
   * T is above it.
   *
   * @default 1
   */
  readonly least?: number;
  /**
   * T is below `least` + `span`.
   *
   * @default 20
   */
  readonly span?: number;
  /**
   * Share of the run in which the adversary comes to its full strength, from 0 to 1. The authors: 10 of 240 epochs.
   *
   * @default 0.1
   */
  readonly rampUp?: number;
}

/**
 * T = least + span · σ(θ), with θ learned from 1 against the student: where the student moves down the gradient of the
 * term, θ moves up it, with λ = ½ (1 − cos(π · s)) of its length and s growing from 0 to 1 over the first share of the run.
 *
 * Li et al. (2023), Curriculum Temperature for Knowledge Distillation, section Method, with one θ for all examples.
 *
 * @param term - whose temperature is learned; its own is not used. By default as published, where it goes beside
 *   `hardLabels({weight: 0.1})`
 */
export function learnedTemperature(
  term: LogitTerm = softLabels({weight: 0.9}),
  {least = 1, span = 20, rampUp: share = 0.1}: LearnedTemperatureOptions = {},
): LossTerm {
  checkTemperature(least, 'least');
  checkTemperature(span, 'span');
  checkShare('rampUp', share);
  return {
    name: `learned-temperature ${term.name}`,
    weight: term.weight,
    needs: term.needs,
    // Where θ starts.
    temperature: least + span / (1 + Math.exp(-1)),
    studentFeatures: [],
    prepare() {
      const θ = tf.tidy(() => tf.variable(tf.tensor1d([1])));
      return {
        variables: [θ],
        value: ({labels, logProbabilities}, {logits}, progress) =>
          tf.tidy(() => {
            const T = tf.add(tf.mul(tf.sigmoid(reversed(θ, strength(progress, share))), span), least);
            return term.compare({teacher: logProbabilities!, student: logits, labels, progress}, tf.reshape(T, []));
          }),
      };
    },
  };
}

/** λ, from 0 to 1 by half a cosine. */
function strength(progress: tf.Scalar | undefined, share: number): tf.Scalar {
  const ramp = tf.mul(rampUp(progress, share), Math.PI);
  return tf.mul(tf.sub(1, tf.cos(ramp)), 0.5);
}

/** x as it is, and its gradient times −λ. */
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
