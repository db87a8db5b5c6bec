/** One bias on some classes, as Hinton, Vinyals and Dean (2015), section 3, set it for classes that were never seen. */

/** Logits about inputs whose classes are known. */
export interface Judged {
  /** [rows, classes] */
  readonly logits: Float32Array;
  /** [rows] */
  readonly labels: Int32Array;
}

/**
 * The number that makes most rows right if it is added to the logits of the `raised` classes: the middle of the widest
 * such range. A number below 0 lowers them.
 *
 * A row changes to its best raised class when the number passes the gap to its best other class, so the count of right
 * rows is constant between two gaps.
 */
export function bestBias({logits, labels}: Judged, classes: number, raised: readonly number[]): number {
  const rows = Array.from(labels, (label, row) => {
    const [within, beyond] = bestOf(logits.subarray(row * classes, (row + 1) * classes), raised);
    return {gap: beyond.logit - within.logit, gain: Number(within.index === label) - Number(beyond.index === label)};
  }).sort((a, b) => a.gap - b.gap);
  const edges = [rows[0]!.gap - 2, ...rows.map(({gap}) => gap), rows.at(-1)!.gap + 2];
  let right = 0;
  let best = {right: Number.NEGATIVE_INFINITY, width: 0, bias: 0};
  for (let position = 0; position <= rows.length; position++) {
    const [from, to] = [edges[position]!, edges[position + 1]!];
    const width = to - from;
    if (width > 0 && (right > best.right || (right === best.right && width > best.width))) {
      best = {right, width, bias: (from + to) / 2};
    }
    right += rows[position]?.gain ?? 0;
  }
  return best.bias;
}

interface Best {
  readonly index: number;
  readonly logit: number;
}

/** The best raised class and the best other class. */
function bestOf(logits: Float32Array, raised: readonly number[]): readonly [within: Best, beyond: Best] {
  const best = {
    within: {index: -1, logit: Number.NEGATIVE_INFINITY},
    beyond: {index: -1, logit: Number.NEGATIVE_INFINITY},
  };
  for (const [index, logit] of logits.entries()) {
    const side = raised.includes(index) ? 'within' : 'beyond';
    if (logit > best[side].logit) best[side] = {index, logit};
  }
  return [best.within, best.beyond];
}

/** The same logits with `bias` added to those of the raised classes. */
export function withBias(logits: Float32Array, classes: number, raised: readonly number[], bias: number): Float32Array {
  return logits.map((logit, position) => (raised.includes(position % classes) ? logit + bias : logit));
}
