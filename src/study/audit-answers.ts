import {strataOf} from '../evaluate/audit.ts';
import type {Reference} from './asking.ts';
import {LEFT_OUT} from './audit-design.ts';

// In this file `student` and `confidence` are [texts], of the whole test split.

/** Stands for the label of a text without an answer. On such a text the teacher is not right. */
const NO_LABEL = -1;

/** [texts], the classes that the teacher names. */
export function labelsOfAll({rows, labels}: Reference, count: number): Int32Array {
  const all = new Int32Array(count).fill(NO_LABEL);
  for (const [place, row] of rows.entries()) all[row] = labels[place]!;
  return all;
}

/** [texts], with those left out that have no answer. */
export function strataOfAll({rows, labels}: Reference, student: Int32Array, confidence: Float64Array): Uint8Array {
  const answered = strataOf(
    labels,
    rows.map(row => student[row]!),
    Float64Array.from(rows, row => confidence[row]!),
  );
  const all = new Uint8Array(student.length).fill(LEFT_OUT);
  for (const [place, row] of rows.entries()) all[row] = answered[place]!;
  return all;
}

/** Share of the answered texts on which student and teacher agree. */
export function agreementOf({rows, labels}: Reference, student: Int32Array): number {
  return labels.filter((label, place) => label === student[rows[place]!]).length / labels.length;
}
