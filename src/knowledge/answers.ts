import type {Feature} from '../teacher.ts';

/** Answers of one detail to many queries, stored in columns. Row i answers input i. */
export type Answers = LabelAnswers | VotesAnswers | TopKAnswers | LogProbabilityAnswers | LogitAnswers;

export interface LabelAnswers {
  readonly kind: 'label';
  readonly count: number;
  /** [count] */
  readonly labels: Int32Array;
}

export interface VotesAnswers {
  readonly kind: 'votes';
  readonly count: number;
  /** [count, classes] */
  readonly counts: Uint32Array;
}

export interface TopKAnswers {
  readonly kind: 'top-k';
  readonly count: number;
  readonly k: number;
  /** [count, k], the most probable first */
  readonly classes: Int32Array;
  /** [count, k] */
  readonly logProbabilities: Float32Array;
  /** [count], the mass outside the k classes */
  readonly rest: Float32Array;
}

export interface LogProbabilityAnswers {
  readonly kind: 'log-probabilities';
  readonly count: number;
  /** [count, classes] */
  readonly logProbabilities: Float32Array;
}

export interface LogitAnswers {
  readonly kind: 'logits';
  readonly count: number;
  /** [count, classes] */
  readonly logits: Float32Array;
  /** By layer name: shape of one example's feature, values [count, ...shape]. */
  readonly features: Readonly<Record<string, Feature>>;
}
