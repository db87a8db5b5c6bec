import {argmaxOfRow, bytesOf, unitRows} from '../data/arrays.ts';
import {selectRows} from '../data/inputs.ts';
import {shuffledIndices} from '../data/random.ts';
import type {Encoder} from '../encoder/encoder.ts';
import {tf} from '../engine/tf.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {addTo, dot} from '../statistics/vectors.ts';
import type {Embeddings, Strategy} from './strategy.ts';

export interface MedoidsOptions {
  /**
   * The encoder in whose space texts are compared: a name of `limbeck encoder list`, a folder, or an encoder that is open.
   * No student is needed then, so the first round is chosen as well.
   *
   * @default none: the space is the input of the student's last layer, and the first round is drawn
   */
  readonly encoder?: string | Encoder;
}

const KINDS = {encoder: kinds.textOrObject} satisfies Shape<MedoidsOptions>;

/** The most candidates: time and memory grow with their square, and more change the choice little. */
const MOST = 8000;
/**
 * The most of them that can be chosen, unless more are to be chosen than every eighth of these. The others are covered as
 * well. A group of similar inputs is hardly represented worse by the best of half of them: Mirzasoleiman et al. (2015),
 * Lazier than lazy greedy, section 3.
 */
const MOST_CHOSEN_FROM = 4000;
const EIGHTH = 8;

/**
 * Chooses inputs that represent all others: those for which the sum of cosines, of each input with the nearest one that is
 * chosen or was answered, is highest. It adds one after another, each time the one that raises the sum most. This is the
 * BUILD phase of k-medoids (Kaufman and Rousseeuw, 1990, Finding groups in data, chapter 2), or facility location, whose
 * greedy solution reaches at least 1 − 1/e of the best sum (Nemhauser, Wolsey and Fisher, 1978; Wei, Iyer and Bilmes,
 * 2015, Submodularity in data subset selection and active learning). Inputs with equal embeddings are chosen once, and
 * those that equal an answered one not at all, as long as there are others.
 *
 * Of more than 8,000 inputs it looks at 8,000, drawn at random for each round. It chooses from 4,000 of these, or from eight
 * times as many as it chooses if that is more, so that all of them are represented. That takes a second or two and up to
 * 256 MB of memory.
 *
 * @example
 * ```ts
 * import * as select from 'limbeck/select';
 *
 * export const strategy = select.medoids({encoder: 'all-minilm-l6-v2'});
 * ```
 */
export function medoids(options: MedoidsOptions = {}): Strategy {
  checkOptions('medoids', options, KINDS);
  const {encoder} = options;
  return {
    name: 'medoids',
    needs: {students: encoder === undefined ? 1 : 0, embeddings: true, encoder},
    among: MOST,
    choose: ({count, embeddings, seed}, size) => {
      const {width, candidates, answered} = embeddings!;
      // Of equal gains the first is taken, so the order is drawn.
      const order = shuffledIndices(count, seed, 'order of candidates');
      if (size === count) return order;
      const shuffled = {width, candidates: selectRows(candidates, width, order), answered};
      return chosenOf(shuffled, size).map(index => order[index]!);
    },
  };
}

/** Indices of candidates: the medoids among those with embeddings of their own, and then others if there are too few. */
function chosenOf(embeddings: Embeddings, size: number): Int32Array {
  const {width, candidates} = embeddings;
  const {distinct, others} = byEmbedding(embeddings);
  const points = unitRows(candidates, width);
  const rows = selectRows(points, width, distinct.subarray(0, Math.max(MOST_CHOSEN_FROM, EIGHTH * size)));
  const answered = unitRows(embeddings.answered, width);
  const chosen = answered.length === 0 ? [mostCentral(rows, points, width)] : [];
  const covering = answered.length === 0 ? selectRows(rows, width, chosen) : answered;
  const gains = new Gains(highestCosines(covering, points, width));
  forEachBlock(rows, points, width, cosines => gains.addRows(cosines));
  const medoids = greedy(gains, chosen, Math.min(size, distinct.length)).map(index => distinct[index]!);
  return Int32Array.of(...medoids, ...others.subarray(0, size - medoids.length));
}

/** Index of the row with the highest sum of cosines with all points: the one that covers most if nothing is covered. */
function mostCentral(rows: Float32Array, points: Float32Array, width: number): number {
  const sum = new Float64Array(width);
  const rowOf = (values: Float32Array, row: number) => values.subarray(row * width, (row + 1) * width);
  for (let row = 0; row * width < points.length; row++) addTo(sum, rowOf(points, row), 1);
  const sums = Float64Array.from({length: rows.length / width}, (_, row) => dot(rowOf(rows, row), sum));
  return argmaxOfRow(sums, 0, sums.length);
}

/** Candidates whose embedding no earlier candidate and no answered input has, and the others. */
function byEmbedding({width, candidates, answered}: Embeddings): {distinct: Int32Array; others: Int32Array} {
  const keyAt = (values: Float32Array, row: number): string =>
    Buffer.from(bytesOf(values.subarray(row * width, (row + 1) * width))).toString('latin1');
  const seen = new Set(Array.from({length: answered.length / width}, (_, row) => keyAt(answered, row)));
  const [distinct, others]: [number[], number[]] = [[], []];
  for (let row = 0; row < candidates.length / width; row++) {
    const key = keyAt(candidates, row);
    (seen.has(key) ? others : distinct).push(row);
    seen.add(key);
  }
  return {distinct: Int32Array.from(distinct), others: Int32Array.from(others)};
}

/**
 * Indices of rows that are added one after another. A row's gain only falls when others are added, so its last known gain is
 * a bound, and few are computed again (Minoux, 1978, Accelerated greedy algorithms).
 *
 * @param first - the rows that cover what is covered
 * @param size - how many are chosen, with those
 */
function greedy(gains: Gains, first: readonly number[], size: number): Int32Array {
  const bounds = Float64Array.from(gains.first);
  for (const row of first) bounds[row] = Number.NEGATIVE_INFINITY;
  // In descending order, which is a heap.
  const heap = Int32Array.from(bounds, (_, row) => row).sort((one, other) => bounds[other]! - bounds[one]!);
  const chosen = new Int32Array(size);
  chosen.set(first);
  /** Number of rows that were chosen when a row's bound was its gain. */
  const computedAt = new Int32Array(bounds.length).fill(first.length);
  for (let index = first.length; index < size; ) {
    const best = heap[0]!;
    if (computedAt[best] === index) {
      chosen[index++] = best;
      gains.cover(best);
      bounds[best] = Number.NEGATIVE_INFINITY;
    } else {
      bounds[best] = gains.of(best);
      computedAt[best] = index;
    }
    sink(heap, bounds);
  }
  return chosen;
}

/** Moves the first row of a heap down until none below it has a higher bound. */
function sink(heap: Int32Array, bounds: Float64Array): void {
  const row = heap[0]!;
  let at = 0;
  for (let below = 1; below < heap.length; below = 2 * at + 1) {
    if (below + 1 < heap.length && bounds[heap[below + 1]!]! > bounds[heap[below]!]!) below++;
    if (bounds[heap[below]!]! <= bounds[row]!) break;
    heap[at] = heap[below]!;
    at = below;
  }
  heap[at] = row;
}

/** The candidates that each row of a block covers better than others do, row by row. */
interface Block {
  readonly cosines: Float32Array;
  readonly candidates: Uint16Array;
}

/**
 * What rows add to what is covered. A candidate that a row covers no better than others is left out of the row for good, since
 * cosines that are covered only rise. Soon rows are short.
 */
class Gains {
  /** By row, its gain when it was added. */
  readonly first: number[] = [];
  /** [candidates], the highest cosine so far. */
  readonly #covered: Float32Array;
  readonly #blocks: Block[] = [];
  /** By row, where it starts in its block, and its length. */
  readonly #starts: number[] = [];
  readonly #lengths: number[] = [];
  /** For the candidates of a block while it is added. */
  readonly #scratch: Uint16Array;

  constructor(covered: Float32Array) {
    this.#covered = covered;
    this.#scratch = new Uint16Array(BLOCK * covered.length);
  }

  /**
   * Adds rows: `BLOCK`, unless they are the last ones.
   *
   * @param cosines - [rows, candidates]; they are moved
   */
  addRows(cosines: Float32Array): void {
    const {length} = this.#covered;
    const candidates = this.#scratch;
    let end = 0;
    for (let start = 0; start < cosines.length; start += length) {
      this.#starts.push(end);
      let [gain, from] = [0, start];
      for (let candidate = 0; candidate < length; candidate++) {
        const cosine = cosines[from++]!;
        const more = cosine - this.#covered[candidate]!;
        if (!(more > 0)) continue;
        gain += more;
        cosines[end] = cosine;
        candidates[end++] = candidate;
      }
      this.first.push(gain);
      this.#lengths.push(end - this.#starts.at(-1)!);
    }
    this.#blocks.push({cosines: cosines.slice(0, end), candidates: candidates.slice(0, end)});
  }

  /** Σ_j max(0, cosine_j − covered_j) of a row over the candidates. */
  of(row: number): number {
    const {cosines, candidates} = this.#blockOf(row);
    const covered = this.#covered;
    const start = this.#starts[row]!;
    let [gain, end] = [0, start];
    for (let at = start; at < start + this.#lengths[row]!; at++) {
      const candidate = candidates[at]!;
      const cosine = cosines[at]!;
      const more = cosine - covered[candidate]!;
      if (!(more > 0)) continue;
      gain += more;
      cosines[end] = cosine;
      candidates[end++] = candidate;
    }
    this.#lengths[row] = end - start;
    return gain;
  }

  /** Covers candidates by a row whose gain was computed last. */
  cover(row: number): void {
    const {cosines, candidates} = this.#blockOf(row);
    const start = this.#starts[row]!;
    for (let at = start; at < start + this.#lengths[row]!; at++) this.#covered[candidates[at]!] = cosines[at]!;
  }

  #blockOf(row: number): Block {
    return this.#blocks[Math.floor(row / BLOCK)]!;
  }
}

/** [points], the highest cosine with an answered input; −1, the lowest one, if nothing was answered. */
function highestCosines(answered: Float32Array, points: Float32Array, width: number): Float32Array {
  const highest = new Float32Array(points.length / width).fill(-1);
  forEachBlock(answered, points, width, cosines => {
    for (let index = 0; index < cosines.length; ) {
      for (let other = 0; other < highest.length; other++, index++) {
        if (cosines[index]! > highest[other]!) highest[other] = cosines[index]!;
      }
    }
  });
  return highest;
}

/** Rows of a block, so that the engine holds few products at a time. */
const BLOCK = 256;

function forEachBlock(
  rows: Float32Array,
  others: Float32Array,
  width: number,
  use: (cosines: Float32Array) => void,
): void {
  const count = others.length / width;
  const matrix = tf.tensor2d(others, [count, width]);
  for (let start = 0; start * width < rows.length; start += BLOCK) {
    const block = rows.subarray(start * width, (start + BLOCK) * width);
    const cosines = tf.tidy(() => tf.matMul(tf.tensor2d(block, [block.length / width, width]), matrix, false, true));
    use(cosines.dataSync<'float32'>());
    cosines.dispose();
  }
  matrix.dispose();
}
