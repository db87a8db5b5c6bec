import {mixSeed} from '../data/random.ts';
import {tf} from '../engine/tf.ts';
import {InputError} from '../errors.ts';
import {kinds, type Shape} from '../options.ts';
import {linearMap} from './feature-hint.ts';
import {type FeaturePair, featureTerm, flat, type PairShapes, type PreparedPair} from './feature-pair.ts';
import {type LossTerm, VECTOR} from './loss.ts';

/** Options of every loss that compares a student's vectors with those of an embedding model. */
export interface VectorTermOptions extends Partial<FeaturePair> {
  /**
   * λ of the term.
   *
   * @default 1
   */
  readonly weight?: number;
  /**
   * Lengths of beginnings of the student's vector that are taught as well, so that a vector can be cut to them: the term is
   * the mean over the whole vector and these. Kusupati et al. (2022), Matryoshka Representation Learning, section 3.
   *
   * @default none: the whole vector alone
   */
  readonly cuts?: readonly number[];
  /**
   * Layer of a white-box teacher to learn instead of an embedding model's vectors.
   *
   * @default 'vector', the vectors of an embedding model
   */
  readonly teacher?: string;
  /**
   * Layer of the student that learns.
   *
   * @default 'logits', the last layer of every student that is built in
   */
  readonly student?: string;
}

/** The kinds of `VectorTermOptions`. */
export const VECTOR_KINDS: Shape<VectorTermOptions> = {
  weight: kinds.number,
  cuts: kinds.numbers,
  teacher: kinds.text,
  student: kinds.text,
};

/** Compares vectors of one length: [batch, width] each. */
type Compare = (teacher: tf.Tensor2D, student: tf.Tensor2D, weights?: tf.Tensor1D) => tf.Scalar;

/** The vectors of a student, or their beginnings, beside what they are compared with. */
type Aligned = readonly [teacher: tf.Tensor2D, student: tf.Tensor2D];

/**
 * Makes the term of a loss that compares each vector with that of the teacher. If the student's vectors have another
 * length, a linear map that is trained with the student, and then dropped, takes them to the teacher's. Their beginnings
 * are compared with those of the teacher's vectors, or go through the same map, as in section 3 of the paper (MRL-E).
 */
export function pairedTerm(method: string, options: VectorTermOptions, compare: Compare): LossTerm {
  return vectorTerm(method, options, (shapes, lengths, seed) => {
    const [to, from] = [shapes.teacher.at(-1)!, shapes.student.at(-1)!];
    if (from === to) return {value: meanOver(lengths, (t, s, length) => [cut(t, length), cut(s, length)], compare)};
    const {weights, bias} = linearMap(from, to, seed);
    const mapped = (t: tf.Tensor2D, s: tf.Tensor2D, length: number): Aligned => {
      const rows = tf.matMul(cut(s, length), tf.slice(weights, [0, 0], [length, to]));
      return [t, tf.add(rows, bias)];
    };
    return {variables: [weights, bias], value: meanOver(lengths, mapped, compare)};
  });
}

/** Makes the term of a loss that compares inputs with each other, so that the two lengths can differ. */
export function relatedTerm(method: string, options: VectorTermOptions, compare: Compare): LossTerm {
  return vectorTerm(method, options, (_, lengths) => ({
    comparesInputs: true,
    value: meanOver(lengths, (t, s, length) => [t, cut(s, length)], compare),
  }));
}

function vectorTerm(
  method: string,
  {weight = 1, cuts = [], teacher = VECTOR, student = 'logits'}: VectorTermOptions,
  prepare: (shapes: PairShapes, lengths: readonly number[], seed: number) => PreparedPair,
): LossTerm {
  return featureTerm(method, {teacher, student}, weight, (shapes, name, seed) => {
    const width = shapes.student.reduce((product, length) => product * length, 1);
    const stray = cuts.find(length => !Number.isInteger(length) || length < 1 || length >= width);
    if (stray !== undefined) {
      throw new InputError(
        `${method} can't cut a vector of ${width} numbers to ${stray}. Give whole numbers from 1 to ${width - 1} as \`cuts\`.`,
      );
    }
    const size = shapes.teacher.reduce((product, length) => product * length, 1);
    return prepare({teacher: [size], student: [width]}, [width, ...cuts], mixSeed(seed, name));
  });
}

function meanOver(
  lengths: readonly number[],
  align: (teacher: tf.Tensor2D, student: tf.Tensor2D, length: number) => Aligned,
  compare: Compare,
): PreparedPair['value'] {
  return (teacher, student, weights) =>
    tf.tidy(() => {
      const [t, s] = [flat(teacher), flat(student)];
      const values = lengths.map(length => compare(...align(t, s, length), weights));
      return tf.div(tf.addN(values), values.length);
    });
}

/** The beginning of each row. */
function cut(rows: tf.Tensor2D, length: number): tf.Tensor2D {
  return rows.shape[1] === length ? rows : tf.slice(rows, [0, 0], [-1, length]);
}
