import {shuffledIndices} from '../data/random.ts';
import type {Encoder} from '../encoder/encoder.ts';

/** A way to choose the inputs that a teacher is asked about next. */
export interface Strategy {
  /** Its name in tables and messages. */
  readonly name: string;
  /** The data about candidates that it needs. */
  readonly needs: Needs;
  /**
   * The most candidates that it chooses among. If there are more, they are drawn at random.
   *
   * @default all
   */
  readonly among?: number | undefined;
  /**
   * Chooses inputs. Pure: the same candidates and the same seed give the same choice.
   *
   * @param size - number to choose, at most the number of candidates
   * @returns [size] indices of candidates, each once
   */
  choose(candidates: Candidates, size: number): Int32Array;
}

/** The data that a strategy needs to choose. */
export interface Needs {
  /** Number of students, with different initial weights, whose logits it needs. */
  readonly students: number;
  /** True if it needs the embeddings of inputs. */
  readonly embeddings: boolean;
  /**
   * The encoder that makes the embeddings: its name or folder, or an encoder that is open, which stays open. With one, and
   * with no students, a strategy can choose the first round.
   *
   * @default none: embeddings are the input of the last layer of the first student
   */
  readonly encoder?: string | Encoder | undefined;
}

/** The data about the inputs that can be chosen. */
export interface Candidates {
  readonly count: number;
  readonly classes: number;
  /** Decides between candidates of equal worth. */
  readonly seed: number;
  /** [count, classes] of each student that is needed. */
  readonly logits: readonly Float32Array[];
  /** Present if the strategy needs them. */
  readonly embeddings?: Embeddings | undefined;
  /** [answered], the class that the teacher named for each input that was answered so far. */
  readonly labels: Int32Array;
}

/** Embeddings of inputs: by an encoder, or the input of the last layer of the first student. */
export interface Embeddings {
  /** Length of an embedding. */
  readonly width: number;
  /** [count, width], embeddings of the candidates. */
  readonly candidates: Float32Array;
  /** [answered, width], embeddings of the inputs that were answered so far. */
  readonly answered: Float32Array;
}

/**
 * Indices of the highest scores, the highest first. The seed decides the order of equal scores, so that the order of
 * the inputs, which can have a meaning, decides nothing.
 */
export function highest(scores: Float64Array, size: number, seed: number): Int32Array {
  const indices = shuffledIndices(scores.length, seed, 'order of ties');
  // Sorting is stable.
  return indices.sort((one, other) => scores[other]! - scores[one]!).slice(0, size);
}
