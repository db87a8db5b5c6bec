import {tf} from '../engine/tf.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {type LogitTerm, logitTerm} from './logit-term.ts';
import {checkDecimals} from './loss.ts';
import {floorOf} from './soft-probabilities.ts';

export interface QuantisedOptions {
  /** Number of decimals of the teacher's probabilities, from 1 to 7. */
  readonly decimals: number;
}

/**
 * log max(p, 10⁻ᵈ / 4), with p = softmax(teacher) and d decimals. It restores the mass that rounding removed. `floorOf`
 * explains the quarter.
 *
 * @param teacherLogits - [batch, classes], logits or log-probabilities, all finite
 */
export function restoreRounded(teacherLogits: tf.Tensor2D, decimals: number): tf.Tensor2D {
  return tf.tidy(() => tf.maximum(tf.logSoftmax(teacherLogits), Math.log(floorOf({decimals}))));
}

const KINDS = {decimals: kinds.number} satisfies Shape<QuantisedOptions>;

/**
 * The student learns from a teacher that shows rounded probabilities. Each class gets at least a quarter of the last
 * decimal before the term softens and compares. At T > 1, the probabilities that were rounded to 0 make up much of the
 * softened mass.
 *
 * @param term - the term whose teacher shows rounded probabilities
 */
export function quantised(term: LogitTerm, options: QuantisedOptions): LogitTerm {
  checkOptions('quantised', options, KINDS, ['decimals']);
  const {decimals} = options;
  checkDecimals(decimals);
  const {name, weight, temperature, needs, comparesInputs} = term;
  return logitTerm({
    name: `quantised ${name}`,
    weight,
    temperature,
    needs,
    comparesInputs,
    compare: ({teacher, ...batch}, T) =>
      tf.tidy(() => term.compare({...batch, teacher: restoreRounded(teacher, decimals)}, T)),
  });
}
