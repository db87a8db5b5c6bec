import {wilson} from '../evaluate/audit.ts';
import {argmaxRows} from '../evaluate/distributions.ts';
import {mean} from '../evaluate/statistics.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {targetsOf} from '../losses/targets.ts';
import {predictLogits} from '../student/predict.ts';
import type {Student} from '../student/student.ts';

/** An estimated share, from 0 to 1. */
export interface ShareInterval {
  readonly share: number;
  /** 95 % interval. */
  readonly interval: readonly [low: number, high: number];
}

/**
 * How often students name the teacher's class for inputs that they did not learn from.
 *
 * @returns [inputs], the share of the students that do
 */
export async function agreementsOf(
  students: readonly Student[],
  {inputs, answers, classes}: Knowledge,
  signal: AbortSignal | undefined,
): Promise<Float64Array> {
  const {labels} = targetsOf(answers, classes.length);
  const agrees = new Float64Array(labels.length);
  for (const student of students) {
    const named = argmaxRows(await predictLogits(student, inputs, {signal}), classes.length);
    for (const [row, label] of named.entries()) if (label === labels[row]) agrees[row]! += 1 / students.length;
  }
  return agrees;
}

/** The share for inputs like these. */
export function shareOf(agrees: Float64Array): ShareInterval {
  const share = mean(agrees);
  return {share, interval: wilson(share, agrees.length)};
}
