import {cascaded} from '../evaluate/calibration.ts';
import type {Calibration} from '../student/student.ts';
import type {Reference} from './asking.ts';
import type {CascadeResult} from './results.ts';

/**
 * What a calibrated student is worth with its teacher behind it, on the test split. If the student answers an input by
 * itself that the teacher left without an answer, that counts as a disagreement.
 *
 * @param logits - [test examples, classes], row-major
 */
export function cascadeOf(
  logits: ArrayLike<number>,
  {rows, labels}: Pick<Reference, 'rows' | 'labels'>,
  classes: number,
  {temperature, threshold = 0, guarantee}: Calibration,
): CascadeResult {
  const said = new Int32Array(logits.length / classes).fill(-1);
  for (const [place, row] of rows.entries()) said[row] = labels[place]!;
  const measured = cascaded(logits, said, classes, {temperature, threshold});
  return {...measured, threshold, ...(guarantee && {guarantee})};
}
