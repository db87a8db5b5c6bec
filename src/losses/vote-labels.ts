import {tf} from '../engine/tf.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import type {LossTerm} from './loss.ts';
import {softLabelLoss} from './soft-labels.ts';
import {checkTemperature} from './temperature.ts';

export interface VoteLabelTermOptions {
  /**
   * λ of the term.
   *
   * @default 1
   */
  readonly weight?: number;
  /**
   * T of `softLabelLoss`, on both sides.
   *
   * @default 1
   */
  readonly temperature?: number;
  /**
   * τ, the temperature at which the teacher sampled its answers, as services define it. The votes then estimate
   * softmax(logits / τ), and their logarithms times τ stand for the logits.
   *
   * @default 1
   */
  readonly samplingTemperature?: number;
}

const KINDS = {
  weight: kinds.number,
  temperature: kinds.number,
  samplingTemperature: kinds.number,
} satisfies Shape<VoteLabelTermOptions>;

/** The student learns the distribution that repeated answers of a label-only teacher suggest. */
export function voteLabels(options: VoteLabelTermOptions = {}): LossTerm {
  checkOptions('voteLabels', options, KINDS);
  const {weight = 1, temperature = 1, samplingTemperature: τ = 1} = options;
  checkTemperature(temperature);
  checkTemperature(τ, 'samplingTemperature');
  return {
    name: 'vote-labels',
    weight,
    needs: {kind: 'votes'},
    temperature,
    atTemperature: other => voteLabels({weight, temperature: other, samplingTemperature: τ}),
    studentFeatures: [],
    prepare: () => ({
      variables: [],
      value: ({logProbabilities, weights}, {logits}) => {
        const teacher: tf.Tensor2D = τ === 1 ? logProbabilities! : tf.mul(logProbabilities!, τ);
        return softLabelLoss(teacher, logits, {temperature, weights});
      },
    }),
  };
}
