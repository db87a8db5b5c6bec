import {sameValues} from '../../data/classes.ts';
import type {TensorInput} from '../../teacher.ts';

/**
 * The line from an input to a reference of another class, and the range in which it crosses the boundary of that class:
 * the teacher gives the class of the reference at `high`, and another class at `low`. Points have the stored type of
 * the input. If that type is integer, two points can be the same.
 */
export class BoundaryLine {
  /** The class of the reference. */
  readonly label: number;
  readonly #from: TensorInput;
  readonly #to: TensorInput['data'];
  #low = 0;
  #high = 1;
  #nearest: number;
  #farthestOther = 0;

  /** @param distance - from the input to the reference */
  constructor(from: TensorInput, to: TensorInput['data'], label: number, distance: number) {
    this.#from = from;
    this.#to = to;
    this.label = label;
    this.#nearest = distance;
  }

  /** L2 distance from the input to the nearest point that is known to be of the class. */
  get distance(): number {
    return this.#nearest;
  }

  /**
   * L2 distance to the farthest point that is known to be of another class. As far as this line tells, no nearer point
   * is of the class.
   */
  get least(): number {
    return this.#farthestOther;
  }

  /** The number of values of a point. */
  get size(): number {
    return this.#to.length;
  }

  /** The unit of distances: bytes count from 0 to 1. */
  get unit(): number {
    return this.#from.dtype === 'uint8' ? 255 : 1;
  }

  /** The middle of the range in which the boundary can be; undefined if the answer there is already known. */
  middle(): TensorInput | undefined {
    const middle = this.#pointAt(this.#middle);
    const knownAs = [this.#high, this.#low].findIndex(end => sameValues(this.#pointAt(end).data, middle.data));
    if (knownAs < 0) return middle;
    if (knownAs === 0) this.#high = this.#middle;
    else this.#low = this.#middle;
    return undefined;
  }

  /** Records the teacher's label for the middle. */
  answer(label: number): void {
    const middle = this.#middle;
    const distance = distanceBetween(this.#from.data, this.#pointAt(middle).data);
    if (label === this.label) [this.#high, this.#nearest] = [middle, distance];
    else [this.#low, this.#farthestOther] = [middle, distance];
  }

  get #middle(): number {
    return (this.#low + this.#high) / 2;
  }

  #pointAt(share: number): TensorInput {
    const {data} = this.#from;
    const isWhole = !(data instanceof Float32Array);
    const point = data.slice();
    for (let index = 0; index < point.length; index++) {
      const value = data[index]! + share * (this.#to[index]! - data[index]!);
      point[index] = isWhole ? Math.round(value) : value;
    }
    return {...this.#from, data: point};
  }
}

/** L2. */
export function distanceBetween(one: ArrayLike<number>, other: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < one.length; index++) sum += (one[index]! - other[index]!) ** 2;
  return Math.sqrt(sum);
}
