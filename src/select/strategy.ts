/** A way to choose the inputs that a teacher is asked about next. */
export interface Strategy {
  /** Its name in tables and messages. */
  readonly name: string;
  /** What must be known of the candidates. */
  readonly needs: Needs;
  /**
   * Chooses inputs. Pure: the same candidates and the same seed give the same choice.
   *
   * @param size - how many to choose; at most as many as there are candidates
   * @returns [size] places among the candidates, each once
   */
  choose(candidates: Candidates, size: number): Int32Array;
}

/** What a strategy must know to choose. */
export interface Needs {
  /** Of how many students, of different initial weights, it must know what they say. */
  readonly students: number;
  /** True if it must know where inputs lie. */
  readonly embeddings: boolean;
}

/** What is known of the inputs that may be chosen. */
export interface Candidates {
  readonly count: number;
  readonly classes: number;
  /** Decides between candidates that are worth the same. */
  readonly seed: number;
  /** Of each student that is needed, [count, classes]. */
  readonly logits: readonly Float32Array[];
  /** Where a strategy needs them. */
  readonly embeddings?: Embeddings;
  /** [answered], the class that the teacher named of each input that was answered so far. */
  readonly labels: Int32Array;
}

/** Where inputs lie: what goes into the last layer of the first student. */
export interface Embeddings {
  /** Numbers an input. */
  readonly width: number;
  /** [count, width], of the candidates. */
  readonly candidates: Float32Array;
  /** [answered, width], of the inputs that were answered so far. */
  readonly answered: Float32Array;
}
