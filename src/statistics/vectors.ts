/** A list of numbers of either precision. */
export type Vector = Float32Array | Float64Array;

/** Σ_i a_i · b_i, for lists of one length. */
export function dot(one: Vector, other: Vector): number {
  let sum = 0;
  for (let index = 0; index < one.length; index++) sum += one[index]! * other[index]!;
  return sum;
}

/** Adds a multiple of a list to another one. */
export function addTo(sum: Float64Array, other: Float64Array, factor: number): void {
  for (let index = 0; index < sum.length; index++) sum[index]! += factor * other[index]!;
}
