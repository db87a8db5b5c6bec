/** The number of inputs without an answer. */
export interface MissingCount {
  /** Inputs without an answer. */
  readonly count: number;
  /** All inputs. */
  readonly total: number;
}

/**
 * The lowest and the highest possible value of a share over all inputs, if it was measured on the answered inputs only:
 * all missing inputs count against it, or all count for it. Manski (1989), Anatomy of the selection problem, section 2.
 *
 * @param share - over the answered inputs, from 0 to 1; NaN gives NaN
 */
export function boundsWithMissing(share: number, {count, total}: MissingCount): readonly [number, number] {
  const lowest = (share * (total - count)) / total;
  return [lowest, lowest + count / total];
}
