/** The bytes that values are held in, in the same memory. */
export function bytesOf({buffer, byteOffset, byteLength}: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** True if two lists name the same classes in the same order. Only then does an index mean the same in both. */
export function sameClasses(one: readonly string[], other: readonly string[]): boolean {
  return sameValues(one, other);
}

/** True if two lists hold the same values in the same order. */
export function sameValues(one: ArrayLike<unknown>, other: ArrayLike<unknown>): boolean {
  if (one.length !== other.length) return false;
  for (let index = 0; index < one.length; index++) if (one[index] !== other[index]) return false;
  return true;
}

/** Index of the largest value of a row, counted from the row's start; the lowest one on ties. */
export function argmaxOfRow(values: ArrayLike<number>, start: number, length: number): number {
  let best = 0;
  for (let index = 1; index < length; index++) {
    if (values[start + index]! > values[start + best]!) best = index;
  }
  return best;
}

/** log Σ exp(value / T) of a row, in double precision, with no overflow. -Infinity counts as nothing. */
export function logSumExpOfRow(values: ArrayLike<number>, start: number, length: number, temperature = 1): number {
  const peak = values[start + argmaxOfRow(values, start, length)]! / temperature;
  if (peak === Number.NEGATIVE_INFINITY) return peak;
  let sum = 0;
  for (let index = start; index < start + length; index++) sum += Math.exp(values[index]! / temperature - peak);
  return peak + Math.log(sum);
}

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

/** The distributions of a model's answers. */
export interface Distributions {
  readonly classes: number;
  /** [count, classes], row-major */
  readonly logProbabilities: Float64Array;
  /** [count], the most probable classes, the lowest one on ties. */
  readonly named: Int32Array;
  /** [count], the probabilities of these classes. A softmax can round to just above 1. */
  readonly confidences: Float64Array;
}

/**
 * softmax(row / T) of each row, with what follows from it.
 *
 * @param logits - [count, classes], or log-probabilities
 */
export function distributionsOf(logits: ArrayLike<number>, classes: number, temperature = 1): Distributions {
  const logProbabilities = logSoftmaxRows(logits, classes, temperature);
  const named = argmaxRows(logits, classes);
  const confidences = Float64Array.from(named, (best, row) => Math.exp(logProbabilities[row * classes + best]!));
  return {classes, logProbabilities, named, confidences};
}

/** The cosine of the angle between two vectors of one length; 0 if one of them is all zeros. In double precision. */
export function cosineOf(one: ArrayLike<number>, other: ArrayLike<number>): number {
  let [product, square, otherSquare] = [0, 0, 0];
  for (let index = 0; index < one.length; index++) {
    product += one[index]! * other[index]!;
    square += one[index]! ** 2;
    otherSquare += other[index]! ** 2;
  }
  return square === 0 || otherSquare === 0 ? 0 : product / Math.sqrt(square * otherSquare);
}

/**
 * The values of the lists, one list after the other.
 *
 * @param lists - one at least
 */
export function concatenated<T extends Float32Array | Int32Array | Uint32Array>(...lists: readonly T[]): T {
  const all = new (lists[0]!.constructor as new (length: number) => T)(
    lists.reduce((sum, {length}) => sum + length, 0),
  );
  let start = 0;
  for (const list of lists) {
    all.set(list, start);
    start += list.length;
  }
  return all;
}

/** [labels, classes]: 1 at the class of each label, else 0. */
export function oneHot(labels: ArrayLike<number>, classes: number): Float32Array {
  const rows = new Float32Array(labels.length * classes);
  for (let row = 0; row < labels.length; row++) rows[row * classes + labels[row]!] = 1;
  return rows;
}

/** A vector divided by its length; zeros stay zeros. */
export function unitVector(vector: Float32Array): Float32Array {
  return unitRows(vector, vector.length);
}

/** Rows of `width` numbers, each divided by its length; zeros stay zeros. */
export function unitRows(rows: Float32Array, width: number): Float32Array {
  const directions = new Float32Array(rows.length);
  for (let start = 0; start < rows.length; start += width) {
    let squares = 0;
    for (let index = start; index < start + width; index++) squares += rows[index]! ** 2;
    const length = Math.sqrt(squares) || 1;
    for (let index = start; index < start + width; index++) directions[index] = rows[index]! / length;
  }
  return directions;
}

/** The last index of ascending values at which the value is at most `wanted`. */
export function lastAtMost(count: number, valueAt: (index: number) => number, wanted: number): number {
  let [low, high] = [0, count - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (valueAt(middle) <= wanted) low = middle;
    else high = middle - 1;
  }
  return low;
}
