import {sameValues} from '../../data/arrays.ts';
import {labelOf} from '../../knowledge/coarsen.ts';
import type {Outcome, Query, TensorInput} from '../../teacher.ts';

/** The search for the boundaries around one input. */
export class BoundarySearch {
  /** The class that the teacher gives the input. */
  readonly own: number;
  readonly #lines: ReadonlyMap<number, readonly BoundaryLine[]>;
  #left: number;
  #asked: readonly BoundaryLine[] = [];
  #error: Error | undefined;

  /**
   * @param lines - by class, without the own class
   * @param most - how many points the teacher may be asked about
   */
  constructor(own: number, lines: ReadonlyMap<number, readonly BoundaryLine[]>, most: number) {
    this.own = own;
    this.#lines = lines;
    this.#left = most;
  }

  /** The error that ended the search early. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** The most values that the points of a round hold. */
  get size(): number {
    return [...this.#lines.values()].flat().reduce((sum, {size}) => sum + size, 0);
  }

  /** The next points to ask about: one on each line that can still be the shortest of its class. */
  points(): readonly Query[] {
    const open = this.#error
      ? []
      : [...this.#lines.values()].flatMap(lines => {
          const shortest = Math.min(...lines.map(({distance}) => distance));
          return lines.filter(({least}) => least < shortest);
        });
    const points = open
      .sort((one, other) => one.distance - other.distance)
      .slice(0, this.#left)
      .flatMap(line => {
        const input = line.middle();
        return input ? [{line, input}] : [];
      });
    this.#asked = points.map(({line}) => line);
    this.#left -= points.length;
    return points.map(({input}) => ({input}));
  }

  /** @param outcomes - of the points, in their order */
  take(outcomes: readonly Outcome[]): void {
    for (const [index, line] of this.#asked.entries()) {
      const outcome = outcomes[index]!;
      if ('error' in outcome) this.#error ??= outcome.error;
      else line.answer(labelOf(outcome.answer));
    }
  }

  /**
   * The distance to the nearest known point of each class. Distances of bytes count 255 as 1.
   *
   * @returns [classes], 0 for the own class
   */
  distances(classes: number): Float64Array {
    const distances = new Float64Array(classes);
    for (const [label, lines] of this.#lines) {
      distances[label] = Math.min(...lines.map(({distance, unit}) => distance / unit));
    }
    return distances;
  }
}

interface SearchOptions {
  readonly bisections: number;
  readonly ask: (queries: readonly Query[]) => Promise<readonly Outcome[]>;
  /** Called with the number of further searches that have ended. */
  readonly onSettled?: ((count: number) => void) | undefined;
}

/** The most values of points in memory at once. */
const MOST_VALUES = 2 ** 24;

/**
 * Runs searches in rounds. Each round asks about all running searches at once. As many run together as memory allows.
 */
export async function searchTogether(
  searches: readonly BoundarySearch[],
  {bisections, ask, onSettled}: SearchOptions,
): Promise<void> {
  for (let start = 0; start < searches.length; ) {
    let [end, values] = [start + 1, searches[start]!.size];
    while (end < searches.length && values + searches[end]!.size <= MOST_VALUES) values += searches[end++]!.size;
    const some = searches.slice(start, end);
    for (let round = 0; round < bisections; round++) {
      const points = some.map(search => search.points());
      const outcomes = await ask(points.flat());
      let position = 0;
      for (const [index, search] of some.entries()) {
        search.take(outcomes.slice(position, position + points[index]!.length));
        position += points[index]!.length;
      }
    }
    onSettled?.(some.length);
    start = end;
  }
}

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
