import {argmaxOfRow, logSumExpOfRow} from '../data/arrays.ts';

/**
 * log softmax(row / T) of each row, in double precision. -Infinity stays -Infinity: a class of probability 0.
 *
 * @param logits - [count, classes], or log-probabilities
 * @returns [count, classes]
 */
export function logSoftmaxRows(logits: ArrayLike<number>, classes: number, temperature = 1): Float64Array {
  const rows = new Float64Array(logits.length);
  for (let start = 0; start < rows.length; start += classes) {
    const logTotal = logSumExpOfRow(logits, start, classes, temperature);
    for (let index = start; index < start + classes; index++) rows[index] = logits[index]! / temperature - logTotal;
  }
  return rows;
}

/** softmax(row / T) of each row. */
export function softmaxRows(logits: ArrayLike<number>, classes: number, temperature = 1): Float64Array {
  return logSoftmaxRows(logits, classes, temperature).map(Math.exp);
}

/** Index of the largest value of each row, the lowest one on ties. */
export function argmaxRows(values: ArrayLike<number>, classes: number): Int32Array {
  return Int32Array.from({length: values.length / classes}, (_, row) => argmaxOfRow(values, row * classes, classes));
}

/** The indices of the answers, which are at least 0; -1 or NaN stands for an input without one. */
export function answeredRows(answers: ArrayLike<number>): number[] {
  return Array.from(answers, (_, row) => row).filter(row => answers[row]! >= 0);
}

/** Entropy of softmax(row / T) of each row, in nats. */
export function entropyRows(logits: ArrayLike<number>, classes: number, temperature = 1): Float64Array {
  const logQ = logSoftmaxRows(logits, classes, temperature);
  const entropies = new Float64Array(logQ.length / classes);
  for (let index = 0; index < logQ.length; index++) {
    const q = Math.exp(logQ[index]!);
    if (q > 0) entropies[Math.floor(index / classes)]! -= q * logQ[index]!;
  }
  return entropies;
}

/**
 * KL(softmax(p / T) || softmax(q / T)) of each pair of rows, in nats; Infinity if q excludes a class that p does not.
 */
export function divergenceRows(
  p: ArrayLike<number>,
  q: ArrayLike<number>,
  classes: number,
  temperature = 1,
): Float64Array {
  const [logP, logQ] = [logSoftmaxRows(p, classes, temperature), logSoftmaxRows(q, classes, temperature)];
  const divergences = new Float64Array(logP.length / classes);
  for (let index = 0; index < logP.length; index++) {
    const probability = Math.exp(logP[index]!);
    if (probability > 0) divergences[Math.floor(index / classes)]! += probability * (logP[index]! - logQ[index]!);
  }
  return divergences;
}
