import {tf} from '../engine/tf.ts';
import type {LossTerm} from './loss.ts';
import {softLabelLoss} from './soft-labels.ts';
import {checkTemperature} from './temperature.ts';

/**
 * Log-probabilities of (n_c + α) / (Σ n + α · K): counts of votes with additive smoothing, since a class that no one of
 * a few votes named is not impossible.
 *
 * @param counts - [rows, classes]
 * @param α - 0.5 is the Jeffreys prior; over 8, 32 and 128 votes of five classes it is .133, .046 and .015 nats from the
 *   truth, where no smoothing is 2.56, .66 and .09
 * @returns [rows, classes]
 */
export function smoothVotes(counts: Uint32Array, classes: number, α = 0.5): Float32Array {
  const logProbabilities = new Float32Array(counts.length);
  for (let start = 0; start < counts.length; start += classes) {
    let votes = 0;
    for (let index = start; index < start + classes; index++) votes += counts[index]!;
    const logTotal = Math.log(votes + α * classes);
    for (let index = start; index < start + classes; index++) {
      logProbabilities[index] = Math.log(counts[index]! + α) - logTotal;
    }
  }
  return logProbabilities;
}

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
   * τ that the teacher sampled its answers at, as services call it: the votes then tell softmax(logits / τ), and their
   * logarithms times τ stand for the logits.
   *
   * @default 1
   */
  readonly samplingTemperature?: number;
}

/** The student learns the distribution that repeated answers of a label-only teacher hint at. */
export function voteLabels({
  weight = 1,
  temperature = 1,
  samplingTemperature: τ = 1,
}: VoteLabelTermOptions = {}): LossTerm {
  checkTemperature(temperature);
  checkTemperature(τ, 'samplingTemperature');
  return {
    name: 'vote-labels',
    weight,
    needs: {kind: 'votes'},
    temperature,
    studentFeatures: [],
    prepare: () => ({
      variables: [],
      value: ({logProbabilities}, {logits}) => {
        const teacher: tf.Tensor2D = τ === 1 ? logProbabilities! : tf.mul(logProbabilities!, τ);
        return softLabelLoss(teacher, logits, {temperature});
      },
    }),
  };
}
