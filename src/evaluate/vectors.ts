import {cosineOf, unitRows} from '../data/arrays.ts';
import {InputError} from '../errors.ts';
import type {Range} from '../statistics/bounded-mean.ts';
import {intervalOverInputs} from './input-intervals.ts';
import {type Neighbours, nearest, recallInfluences, recallsOf} from './neighbours.ts';
import {mean, spearman} from './statistics.ts';

/** From the lower end to the upper one. */
type Interval = readonly [low: number, high: number];

/** All cosines that there can be. */
export const COSINES: Range = [-1, 1];
/** All recalls that there can be. */
export const RECALLS: Range = [0, 1];

/** The vectors of a student and of its teacher about the same inputs. */
export interface VectorsToEvaluate {
  /** Number of inputs: two or more. */
  readonly count: number;
  /** [count, width], row-major */
  readonly student: Float32Array;
  /** [count, width], row-major. The two widths can differ. */
  readonly teacher: Float32Array;
  /**
   * Number of nearest neighbours.
   *
   * @default 10, or all other inputs if there are fewer
   */
  readonly neighbours?: number;
}

/** How well a student's vectors stand for those of its teacher. */
export interface VectorMetrics {
  /** Mean cosine of a student's vector with the teacher's; undefined if their lengths differ. */
  readonly meanCosine: number | undefined;
  /** At 95 %, over other inputs like these, whatever the distribution of the cosines is; undefined as `meanCosine` is. */
  readonly meanCosineInterval: Interval | undefined;
  /** Mean share of the teacher's nearest neighbours of an input, by the cosine, that are among the student's. */
  readonly recall: number;
  /**
   * At 95 %, over as many other inputs like these, with a standard error by the jackknife; undefined if there are fewer than
   * twice as many inputs as neighbours.
   */
  readonly recallInterval: Interval | undefined;
  /** The number of neighbours that `recall` is about. */
  readonly neighbours: number;
  /** Spearman's rank correlation of the cosines of all pairs, of the first 1000 inputs if there are more; 0 if those of a model are all equal. A point estimate. */
  readonly spearman: number;
}

/** The most inputs whose pairs are ranked. They make half a million pairs, and pairs grow with their square. */
const MOST_RANKED = 1000;

/**
 * Measures a student on inputs that it did not learn from. It takes time for count² cosines.
 *
 * @throws InputError if there are fewer than two inputs, the vectors don't fit them, or one is not finite
 */
export function evaluateVectors(vectors: VectorsToEvaluate): VectorMetrics {
  return vectorMeasurer(vectors)(vectors.student).metrics;
}

/** By input, what its mean is measured by. */
export interface VectorScores {
  /** [inputs], the cosine of the student's vector with the teacher's; undefined if the lengths differ. */
  readonly cosines: Float64Array | undefined;
  /** [inputs], the share of the teacher's neighbours that are the student's. */
  readonly recalls: Float64Array;
  /** [inputs], see `recallInfluences`; undefined if there are too few inputs for an interval of the recall. */
  readonly recallInfluences: Float64Array | undefined;
}

export interface VectorMeasurement {
  readonly metrics: VectorMetrics;
  readonly scores: VectorScores;
}

/**
 * Measures students as `evaluateVectors` does, against one teacher, and gives the scores by which they can be compared.
 *
 * @returns takes the vectors of a student
 */
export function vectorMeasurer({
  count,
  teacher,
  neighbours: wanted,
}: Omit<VectorsToEvaluate, 'student'>): (student: Float32Array) => VectorMeasurement {
  if (!Number.isInteger(count) || count < 2) {
    throw new InputError(`Vectors are compared over two inputs at least, got ${count}. Give more inputs.`);
  }
  const neighbours = wanted ?? Math.min(10, count - 1);
  if (!Number.isInteger(neighbours) || neighbours < 1 || neighbours >= count) {
    throw new InputError(`Expected \`neighbours\` to be from 1 to ${count - 1}, got ${neighbours}.`);
  }
  const others = directionsOf(teacher, count, 'teacher');
  const theirs = likenessIn(others, neighbours);
  return student => {
    const own = directionsOf(student, count, 'student');
    const ours = likenessIn(own, neighbours);
    const cosines = own.width === others.width ? pairedCosines(own, others) : undefined;
    const recalls = recallsOf(theirs.nearest, ours.nearest, neighbours);
    const influences = count < 2 * neighbours ? undefined : recallInfluences(theirs.nearest, ours.nearest, neighbours);
    const metrics = {
      meanCosine: cosines && mean(cosines),
      meanCosineInterval: cosines && intervalOverInputs({values: cosines, range: COSINES}),
      recall: mean(recalls),
      recallInterval: influences && intervalOverInputs({values: recalls, range: RECALLS, influences}),
      neighbours,
      spearman: spearman(theirs.pairs, ours.pairs),
    };
    return {metrics, scores: {cosines, recalls, recallInfluences: influences}};
  };
}

/** How like each other the vectors of one model are. */
interface Likeness {
  readonly nearest: Neighbours;
  /** The cosines of all pairs of the first inputs. */
  readonly pairs: readonly number[];
}

function likenessIn(directions: Directions, neighbours: number): Likeness {
  const {count} = directions;
  const ranked = Math.min(count, MOST_RANKED);
  const [pairs, all]: [number[], number[][]] = [[], []];
  for (let row = 0; row < count; row++) {
    const cosines = cosinesOf(directions, row);
    // One more takes the place of an input that the jackknife leaves out.
    all.push(nearest(cosines, row, neighbours + 1));
    for (let other = row + 1; other < ranked; other++) pairs.push(cosines[other]!);
  }
  return {nearest: all, pairs};
}

/** Vectors of length 1; zeros stay zeros. */
interface Directions {
  readonly count: number;
  readonly width: number;
  /** [count, width] */
  readonly rows: Float32Array;
}

function directionsOf(vectors: Float32Array, count: number, whose: string): Directions {
  const width = vectors.length / count;
  if (!Number.isInteger(width) || width < 1) {
    throw new InputError(`The ${vectors.length} numbers of \`${whose}\` are no ${count} vectors of one length.`);
  }
  const stray = vectors.findIndex(value => !Number.isFinite(value));
  if (stray !== -1) {
    throw new InputError(
      `Vector ${Math.floor(stray / width)} of \`${whose}\` holds ${vectors[stray]}. Leave it out, of both models.`,
    );
  }
  return {count, width, rows: unitRows(vectors, width)};
}

/** The cosines of one input with all. */
function cosinesOf({count, width, rows}: Directions, row: number): Float64Array {
  const cosines = new Float64Array(count);
  for (let other = 0; other < count; other++) {
    let sum = 0;
    for (let index = 0; index < width; index++) sum += rows[row * width + index]! * rows[other * width + index]!;
    cosines[other] = sum;
  }
  return cosines;
}

function pairedCosines(student: Directions, teacher: Directions): Float64Array {
  const {count, width} = student;
  const rowOf = ({rows}: Directions, row: number) => rows.subarray(row * width, (row + 1) * width);
  return Float64Array.from({length: count}, (_, row) => cosineOf(rowOf(student, row), rowOf(teacher, row)));
}
