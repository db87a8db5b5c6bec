/** What a teacher answers: part of the contract. Types only. */

/**
 * How much an answer holds, ordered: label < votes < top-k < log-probabilities < logits. A fuller answer can always be
 * coarsened to a poorer one, never the reverse. `expected` stands apart: log-probabilities and logits hold it, and it
 * holds nothing else, because many distributions with different labels have the same expected level. A `vector` is of no
 * class: it holds only itself, and nothing else holds it.
 */
export type Detail =
  | {readonly kind: 'label'}
  | {readonly kind: 'votes'}
  /** Of a score: the expected level alone. */
  | {readonly kind: 'expected'}
  /** The k most probable classes. */
  | {readonly kind: 'top-k'; readonly k: number}
  | {readonly kind: 'log-probabilities'}
  /** Logits and, for a white-box teacher, the named features. */
  | {readonly kind: 'logits'; readonly features?: readonly string[]}
  /** Of an embedding model: the input's vector. */
  | {readonly kind: 'vector'};

export type Answer =
  | LabelAnswer
  | VotesAnswer
  | ExpectedAnswer
  | TopKAnswer
  | LogProbabilitiesAnswer
  | LogitsAnswer
  | VectorAnswer;

export interface LabelAnswer {
  readonly kind: 'label';
  /** Index into the teacher's `classes`. */
  readonly label: number;
}

export interface VotesAnswer {
  readonly kind: 'votes';
  /** How often each class was answered; one entry per class. */
  readonly counts: Uint32Array;
}

export interface ExpectedAnswer {
  readonly kind: 'expected';
  /** The mean of the classes' indices, each weighted by its probability: from 0 to the number of classes − 1. */
  readonly level: number;
}

export interface TopKAnswer {
  readonly kind: 'top-k';
  /** Indices into `classes`, the most probable first. */
  readonly classes: Int32Array;
  /** Natural log-probabilities in the order of `classes`. */
  readonly logProbabilities: Float32Array;
  /** Probability mass of the classes not named, from 0 to 1. It is kept and never silently renormalised away. */
  readonly rest: number;
}

export interface LogProbabilitiesAnswer {
  readonly kind: 'log-probabilities';
  /** Natural log-probabilities, one per class. */
  readonly logProbabilities: Float32Array;
}

export interface LogitsAnswer {
  readonly kind: 'logits';
  /** One per class, unnormalised. */
  readonly logits: Float32Array;
  /** Activations of named layers; empty unless they were asked for. */
  readonly features: Readonly<Record<string, Feature>>;
}

export interface VectorAnswer {
  readonly kind: 'vector';
  /** As the model gave it: its length need not be 1. */
  readonly values: Float32Array;
}

/** The activation of one layer for one input. */
export interface Feature {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}
