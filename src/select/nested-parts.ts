import {shuffledIndices} from '../data/random.ts';

/** Examples by how alike they are, and the answers about them. */
export interface AlikeExamples {
  /** [count, count], a kernel: symmetric, positive definite, 1 for an example and itself. */
  readonly likeness: Float64Array;
  /** [count], the class of each. */
  readonly labels: ArrayLike<number>;
  readonly classes: number;
  /**
   * The first examples that are learned from in any case and never asked about, such as the names of the classes.
   *
   * @default 0
   */
  readonly given?: number;
}

/** How often a classifier is right about answers that it did not learn from, by the number that it learned from. */
export interface NestedParts {
  /** Numbers of answers, ascending. */
  readonly sizes: readonly number[];
  /** [size][answer], 1 if it named the class of the answer and 0 if not. */
  readonly agrees: readonly Uint8Array[];
}

/** Parts of the cross-fitting. */
const FOLDS = 3;
/** Sizes for each doubling of the answers, and the number of sizes. */
const [EACH_DOUBLING, SIZES] = [2, 7];
/** λ of the ridge. Between 0.03 and 0.3 it makes no difference. */
const PENALTY = 0.1;

/**
 * Cross-fits a classifier on nested parts of the answers: kernel ridge regression on the classes (Saunders, Gammerman and
 * Vovk, 1998, Ridge regression learning algorithm in dual variables). The Cholesky factor of a part is the corner of that
 * of the whole, so that all parts cost no more than the largest.
 *
 * @returns undefined if there are fewer than 24 answers
 */
export function nestedParts(examples: AlikeExamples, seed: number): NestedParts | undefined {
  const {labels, given = 0} = examples;
  const count = labels.length - given;
  if (count < 24) return undefined;
  const order = shuffledIndices(count, seed, 'parts of a learning curve');
  const most = count - Math.ceil(count / FOLDS);
  const sizes = Array.from({length: SIZES}, (_, index) =>
    Math.round(most / 2 ** ((SIZES - 1 - index) / EACH_DOUBLING)),
  );
  const agrees = sizes.map(() => new Uint8Array(count));
  for (let fold = 0; fold < FOLDS; fold++) {
    const learned = order.filter((_, index) => index % FOLDS !== fold).subarray(0, most);
    const rows = Int32Array.from({length: given + most}, (_, row) =>
      row < given ? row : given + learned[row - given]!,
    );
    const classifier = new NestedClassifier(examples, rows);
    for (const answer of order.filter((_, index) => index % FOLDS === fold)) {
      const named = classifier.named(given + answer, sizes);
      for (const [index, label] of named.entries()) agrees[index]![answer] = label === labels[given + answer] ? 1 : 0;
    }
  }
  return {sizes, agrees};
}

class NestedClassifier {
  readonly #examples: AlikeExamples;
  readonly #rows: Int32Array;
  /** [rows, rows], the lower triangle of the Cholesky factor of likeness + λ. */
  readonly #factor: Float64Array;
  /** [rows, classes], the factor's inverse times the centred classes. */
  readonly #targets: Float64Array;

  constructor(examples: AlikeExamples, rows: Int32Array) {
    this.#examples = examples;
    this.#rows = rows;
    this.#factor = new Float64Array(rows.length * rows.length);
    this.#targets = new Float64Array(rows.length * examples.classes);
    for (const row of rows.keys()) this.#learn(row);
  }

  /** The class that it names for an example at each number of answers. */
  named(example: number, sizes: readonly number[]): number[] {
    const {classes, given = 0} = this.#examples;
    const [parts, targets] = [this.#solve(example, this.#rows.length), this.#targets];
    const scores = new Float64Array(classes);
    const named: number[] = [];
    for (const [row, part] of parts.entries()) {
      for (let index = 0; index < classes; index++) scores[index]! += part * targets[row * classes + index]!;
      if (row + 1 === given + sizes[named.length]!) named.push(scores.indexOf(Math.max(...scores)));
    }
    return named;
  }

  /** Adds a row to the factor, and to the targets. */
  #learn(row: number): void {
    const {labels, classes} = this.#examples;
    const [factor, targets, width] = [this.#factor, this.#targets, this.#rows.length];
    const example = this.#rows[row]!;
    const parts = this.#solve(example, row);
    const pivot = Math.sqrt(1 + PENALTY - parts.reduce((sum, part) => sum + part * part, 0));
    factor.set(parts, row * width);
    factor[row * width + row] = pivot;
    const own = targets.subarray(row * classes, (row + 1) * classes).fill(-1 / classes);
    own[labels[example]!]! += 1;
    for (const [before, part] of parts.entries()) {
      for (let index = 0; index < classes; index++) own[index]! -= part * targets[before * classes + index]!;
    }
    for (let index = 0; index < classes; index++) own[index]! /= pivot;
  }

  /** Solves factor · x = likeness to an example, by forward substitution over the first rows. */
  #solve(example: number, count: number): Float64Array {
    const {likeness, labels} = this.#examples;
    const [factor, rows] = [this.#factor, this.#rows];
    const parts = new Float64Array(count);
    for (let row = 0; row < count; row++) {
      const start = row * rows.length;
      const own = likeness[example * labels.length + rows[row]!]!;
      parts[row] = (own - dot(factor, start, parts, row)) / factor[start + row]!;
    }
    return parts;
  }
}

/** Σ a[start + i] · b[i], in two sums, neither of which waits for the other. */
function dot(a: Float64Array, start: number, b: Float64Array, count: number): number {
  let [even, odd] = [0, 0];
  let index = 0;
  for (; index + 1 < count; index += 2) {
    even += a[start + index]! * b[index]!;
    odd += a[start + index + 1]! * b[index + 1]!;
  }
  return index < count ? even + odd + a[start + index]! * b[index]! : even + odd;
}
