import {classesOf} from '../question.ts';
import type {Head, Student} from './student.ts';

/** A head, and the columns of the student's output that belong to it. */
export interface HeadColumns extends Partial<Head> {
  readonly classes: readonly string[];
  /** The first of its columns. */
  readonly start: number;
}

/** The heads of a student, in the order of its output. A student of one question has one. */
export function headsOf({
  heads,
  classes,
  question,
  calibration,
}: Pick<Student, 'heads' | 'classes' | 'question' | 'calibration'>): readonly HeadColumns[] {
  if (heads === undefined) return [{classes, start: 0, ...(question && {question}), ...(calibration && {calibration})}];
  let start = 0;
  return heads.map(head => {
    const columns = {...head, classes: classesOf(head.question), start};
    start += columns.classes.length;
    return columns;
  });
}

/**
 * The logits of one head among those of a student.
 *
 * @param logits - [count, all columns], row-major, as `predictLogits` gives them
 * @returns [count, classes]; the same array if the student has one head
 */
export function columnsOf(logits: Float32Array, count: number, {start, classes}: HeadColumns): Float32Array {
  const [width, own] = [logits.length / count, classes.length];
  if (own === width) return logits;
  const columns = new Float32Array(count * own);
  for (let row = 0; row < count; row++) {
    const first = row * width + start;
    columns.set(logits.subarray(first, first + own), row * own);
  }
  return columns;
}
