import {tf} from '../engine/tf.ts';
import {type LogitTerm, logitTerm} from './logit-term.ts';
import {centre} from './rows.ts';
import {softLabels} from './soft-labels.ts';

/**
 * (z − mean z) / (s + 1e-7) along each row, with s² = Σ (z − mean z)² / (K − 1).
 *
 * Sun et al. (2024), Logit Standardization in Knowledge Distillation, section 4; the K − 1 is that of their code. The
 * 1e-14 under the root, the square of their 1e-7, keeps the gradient of a row of equal logits finite.
 *
 * @param logits - [batch, classes], at least two classes
 */
export function standardise(logits: tf.Tensor2D): tf.Tensor2D {
  return tf.tidy(() => {
    const centred = centre(logits, 1);
    const variance = tf.div(tf.sum(tf.square(centred), 1, true), Math.max(1, logits.shape[1] - 1));
    return tf.div(centred, tf.add(tf.sqrt(tf.add(variance, 1e-14)), 1e-7));
  });
}

/**
 * The student learns the shape of the teacher's logits, without their spread: both sides are standardised before the
 * term compares them. The spread is not learned, so calibrate the student's probabilities afterwards.
 *
 * @param term - the term whose logits are standardised; the default is the published one, to combine with
 * `hardLabels({weight: 0.1})`
 *
 * @example
 * ```ts
 * import {hardLabels} from 'limbeck';
 * import {dkd, standardised} from 'limbeck/losses';
 *
 * export const losses = [hardLabels({weight: 0.1}), standardised(dkd())];
 * ```
 */
export function standardised(term: LogitTerm = softLabels({temperature: 2, weight: 9})): LogitTerm {
  const {name, weight, temperature, needs, comparesInputs} = term;
  return logitTerm({
    name: `standardised ${name}`,
    weight,
    temperature,
    needs,
    comparesInputs,
    compare: ({teacher, student, ...batch}, T) =>
      tf.tidy(() => term.compare({...batch, teacher: standardise(teacher), student: standardise(student)}, T)),
  });
}
