import {sizeOf} from '../data/inputs.ts';
import {randomFraction, seededRandom} from '../data/random.ts';
import {tf} from '../engine/tf.ts';
import type {BatchOutputs, LossTerm} from '../losses/loss.ts';
import {featureShapes} from '../student/forward.ts';
import type {Student} from '../student/student.ts';

/** What a student might say of so many inputs, the same each time: to try losses on. */
export function madeUpOutputs(student: Student, losses: readonly LossTerm[], rows: number): BatchOutputs {
  const random = seededRandom(0, 'made-up outputs');
  const made = (shape: readonly number[]) =>
    tf.tensor(
      Array.from({length: sizeOf([rows, ...shape])}, () => 4 * randomFraction(random) - 2),
      [rows, ...shape],
    );
  const shapes = featureShapes(
    student,
    losses.flatMap(term => term.studentFeatures),
  );
  return {
    logits: made([student.classes.length]) as tf.Tensor2D,
    features: Object.fromEntries(Object.entries(shapes).map(([layer, shape]) => [layer, made(shape)])),
  };
}
