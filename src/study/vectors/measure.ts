import {type VectorMeasurement, vectorMeasurer} from '../../evaluate/vectors.ts';
import type {VectorAnswers} from '../../knowledge/answers.ts';

const measurers = new WeakMap<VectorAnswers, (student: Float32Array) => VectorMeasurement>();

/**
 * Measures a student against the teacher. What takes long about the teacher is found out once.
 *
 * @param student - [answered, dimensions]
 */
export function measuredAgainst(teacher: VectorAnswers, student: Float32Array): VectorMeasurement {
  const known = measurers.get(teacher) ?? vectorMeasurer({count: teacher.count, teacher: teacher.vectors});
  measurers.set(teacher, known);
  return known(student);
}

/** @param student - [answered, dimensions] */
export function dimensionsOf(student: Float32Array, {count}: Pick<VectorAnswers, 'count'>): number {
  return student.length / count;
}

/** The number of neighbours that the recall is about. */
export function neighboursOf({count}: Pick<VectorAnswers, 'count'>): number {
  return Math.min(10, count - 1);
}
