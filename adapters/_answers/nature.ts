/** Scores that are not of the kind that was declared. */
export interface Misread {
  /** Sentences for a `TeacherError`. */
  readonly problem: string;
  readonly misread: true;
}

/**
 * Returns a problem with a row of scores, and what the scores seem to be.
 *
 * @param problem - without its full stop
 */
export function misread(problem: string, values: readonly number[]): Misread {
  return {problem: `${problem}. ${adviceOn(values)}`, misread: true};
}

/** The most by which a sum can differ from the whole. */
const SLACK = 2e-3;

function adviceOn(values: readonly number[]): string {
  const isWhole = (sum: number, whole = 1) => Math.abs(sum - whole) <= SLACK * whole;
  const total = sumOf(values);
  if (values.every(value => value <= 0) && isWhole(sumOf(values.map(Math.exp)))) {
    return 'These are log-probabilities. Declare them as such.';
  }
  if (values.some(value => value < 0)) return 'These look like logits. Declare them as `logits`.';
  if (isWhole(total)) return 'These are probabilities. Declare them as `probabilities`.';
  if (isWhole(total, 100)) return 'These are percentages. Declare them as `percentages`.';
  if (values.every(value => value <= 1)) {
    return 'Each is between 0 and 1, as of a classifier that scores each class by itself: have the service normalise them.';
  }
  return 'These look like logits. Declare them as `logits`.';
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
