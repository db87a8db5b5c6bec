import {cosineOf, unitRows} from '../data/arrays.ts';
import {InputError} from '../errors.ts';
import {mean, spearman} from './statistics.ts';

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
  /** Mean share of the teacher's nearest neighbours of an input, by the cosine, that are among the student's. */
  readonly recall: number;
  /** The number of neighbours that `recall` is about. */
  readonly neighbours: number;
  /** Spearman's rank correlation of the cosines of all pairs, of the first 1000 inputs if there are more; 0 if those of a model are all equal. */
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
  const {count, student, teacher} = vectors;
  if (!Number.isInteger(count) || count < 2) {
    throw new InputError(`Vectors are compared over two inputs at least, got ${count}. Give more inputs.`);
  }
  const [own, others] = [directionsOf(student, count, 'student'), directionsOf(teacher, count, 'teacher')];
  const {neighbours = Math.min(10, count - 1)} = vectors;
  if (!Number.isInteger(neighbours) || neighbours < 1 || neighbours >= count) {
    throw new InputError(`Expected \`neighbours\` to be from 1 to ${count - 1}, got ${neighbours}.`);
  }
  const ranked = Math.min(count, MOST_RANKED);
  const pairs: {readonly student: number[]; readonly teacher: number[]} = {student: [], teacher: []};
  const recalls: number[] = [];
  for (let row = 0; row < count; row++) {
    const [s, t] = [cosinesOf(own, row), cosinesOf(others, row)];
    const found = new Set(nearest(s, row, neighbours));
    recalls.push(nearest(t, row, neighbours).filter(other => found.has(other)).length / neighbours);
    for (let other = row + 1; other < ranked; other++) {
      pairs.student.push(s[other]!);
      pairs.teacher.push(t[other]!);
    }
  }
  return {
    meanCosine: own.width === others.width ? meanCosine(own, others) : undefined,
    recall: mean(recalls),
    neighbours,
    spearman: spearman(pairs.teacher, pairs.student),
  };
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

function meanCosine(student: Directions, teacher: Directions): number {
  const {count, width} = student;
  const rowOf = ({rows}: Directions, row: number) => rows.subarray(row * width, (row + 1) * width);
  return mean(Array.from({length: count}, (_, row) => cosineOf(rowOf(student, row), rowOf(teacher, row))));
}

/** The inputs with the greatest cosines, the greatest first and the lower index first on ties, without one of them. */
function nearest(cosines: Float64Array, without: number, size: number): number[] {
  const top: number[] = [];
  for (let index = 0; index < cosines.length; index++) {
    if (index === without) continue;
    let at = top.length;
    while (at > 0 && cosines[index]! > cosines[top[at - 1]!]!) at--;
    if (at >= size) continue;
    top.splice(at, 0, index);
    if (top.length > size) top.pop();
  }
  return top;
}
