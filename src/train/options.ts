import type {Split} from '../data/split.ts';
import type {View} from '../data/view.ts';
import {kinds, oneOf, type Shape} from '../options.ts';
import type {Teacher} from '../teacher.ts';
import type {Losses} from './lessons.ts';
import type {Optimizer} from './optimizer.ts';
import type {Profile} from './profile.ts';
import type {Schedule} from './schedule.ts';
import type {JointFit} from './trend.ts';
import type {JointSplit, Measured} from './validation.ts';

export interface TrainOptions {
  /**
   * The objective is the sum of the terms, each times its weight. A student of several questions takes a list for all of
   * them, or one for each by its name.
   */
  readonly losses: Losses;
  /**
   * How much each question counts, by its name. The objective of a student of several questions is the mean of theirs.
   *
   * @default 1 each
   */
  readonly questionWeights?: Readonly<Record<string, number>> | undefined;
  /** Decides the order of batches, the views, and the terms' own initial weights. The same seed gives the same bits. */
  readonly seed: number;
  /**
   * Passes over the knowledge.
   *
   * @default as many as `steps` takes
   */
  readonly epochs?: number | undefined;
  /**
   * Least number of optimizer steps, rounded up to whole epochs. Give this or `epochs`.
   *
   * @default 1000, or those of 20 epochs if they are more; a linear head on an encoder is solved for in one
   */
  readonly steps?: number | undefined;
  /**
   * Ends the last epoch at exactly `steps` steps, so that runs over different numbers of examples are equally long.
   *
   * @default false: epochs are whole
   */
  readonly exactSteps?: boolean | undefined;
  /** @default 32 */
  readonly batchSize?: number | undefined;
  /**
   * How much more often rare classes are seen than they occur, by the teacher's labels: from 0, no more often, to 1,
   * all classes equally often. Leave it at 0 if classes are rare only in the training data. Raise it if the student
   * misses a class that is rare but matters.
   *
   * @default 0
   */
  readonly balance?: number;
  /** @default Adam at a rate of 0.01, with a weight decay of 2 over the whole run for students that read no texts */
  readonly optimizer?: Optimizer | undefined;
  /** @default cosineDecay(), with a `warmUp` of 0.1 for the default optimizer and students that read no texts */
  readonly schedule?: Schedule | undefined;
  /**
   * Greatest global norm of the gradients.
   *
   * @default no clipping
   */
  readonly clipNorm?: number;
  /**
   * How Adam updates the first layer of a student that counts parts of texts, such as `hashedNgrams`. `lazy` moves only
   * the weights of parts that occur in the batch, as PyTorch's `SparseAdam` does. `dense` also moves all others by
   * their running averages, which takes many times as long.
   *
   * @default 'lazy', but 'dense' with `clipNorm`, weight decay or another optimizer
   */
  readonly embeddingUpdates?: 'lazy' | 'dense' | undefined;
  /**
   * The most parts of a text that a step counts, for students that count parts of texts. Those of a longer text are spread
   * evenly over it, others in each epoch, and each counts for as many more. A step over long texts takes less time then.
   *
   * @default all parts
   */
  readonly mostParts?: number | undefined;
  /**
   * Measured after each epoch. It decides only when training stops. For a student of several questions, what is watched is the
   * mean accuracy over those that have labels, by `questionWeights`.
   */
  readonly validation?: Split<'validation'> | JointSplit | undefined;
  /**
   * Number of epochs between two measurements of validation. The last epoch is always measured.
   *
   * @default 1
   */
  readonly validateEvery?: number;
  /**
   * Ends the run when validation accuracy has not grown for `patience` measurements, and restores the best weights.
   *
   * @default none
   */
  readonly earlyStopping?: {readonly patience: number};
  /**
   * Augments every batch. Needs `teacher`, because an answer must be about the view that the student sees. With true
   * labels it works without a teacher, if the view mixes no second input in.
   */
  readonly view?: View;
  /** Answers live, about the batch that the student sees, instead of the answers kept in the knowledge. */
  readonly teacher?: Teacher<'white-box'>;
  /**
   * Keeps the run on disk, so that it can continue after an interruption and end with the same weights, to the bit.
   *
   * @default none
   */
  readonly checkpoint?: CheckpointOptions | undefined;
  /**
   * Compiles the step into one graph, if the native engine is used and the step allows it. The weights are the same
   * either way, except for the last digits.
   *
   * @default true
   */
  readonly compile?: boolean | undefined;
  /**
   * Called once with the reason, as a clause, if the step can't be compiled on the native engine. The run then
   * continues without.
   */
  readonly onFallback?: (reason: string) => void;
  readonly signal?: AbortSignal | undefined;
  /** Called once at the end with the time that each part of the run took, including parts before a `resume`. */
  readonly onProfile?: (profile: Profile) => void;
  /** Called once at the end with how well the student fits what it learned from. It takes one more forward pass. */
  readonly onFit?: ((fit: JointFit) => void) | undefined;
  /** Called after every step, to show progress within an epoch. */
  readonly onStep?:
    | ((progress: {readonly step: number; readonly steps: number; readonly loss: number}) => void)
    | undefined;
}

/** The kinds of `TrainOptions`. */
export const TRAIN_KINDS: Shape<TrainOptions> = {
  losses: kinds.listOrObject,
  questionWeights: kinds.object,
  seed: kinds.number,
  epochs: kinds.number,
  steps: kinds.number,
  exactSteps: kinds.flag,
  batchSize: kinds.number,
  balance: kinds.number,
  optimizer: kinds.object,
  schedule: kinds.call,
  clipNorm: kinds.number,
  embeddingUpdates: oneOf('lazy', 'dense'),
  mostParts: kinds.number,
  validation: kinds.object,
  validateEvery: kinds.number,
  earlyStopping: kinds.object,
  view: kinds.object,
  teacher: kinds.object,
  checkpoint: kinds.object,
  compile: kinds.flag,
  onFallback: kinds.call,
  signal: kinds.object,
  onProfile: kinds.call,
  onFit: kinds.call,
  onStep: kinds.call,
};

/**
 * A run is written before its first step, at intervals, when it is left (by `break` or an abort) and at its end. It
 * continues only with the same data, settings and engine. The file of a finished run stays: a run that continues from
 * it yields no epoch, and the student gets its final weights.
 */
export interface CheckpointOptions {
  /** Path of the file. Its folder is created if it is missing. */
  readonly path: string;
  /**
   * Seconds between writes, which is the most work that a crash can cost. 0 writes after every step.
   *
   * @default 30
   */
  readonly everySeconds?: number;
  /**
   * Continues from the file if it exists, else starts afresh. Without it the file is replaced. A file that is damaged
   * or of another run is refused with `true`, and replaced with `if-possible`.
   *
   * @default false
   */
  readonly resume?: boolean | 'if-possible';
  /** Called when a run continues, before its next step. `epochs` are those that were yielded before. */
  readonly onResume?: (kept: {
    readonly step: number;
    readonly steps: number;
    readonly epochs: readonly Epoch[];
  }) => void;
}

/** The result of one pass over the knowledge. */
export interface Epoch {
  /** Number of the epoch, from 1. */
  readonly epoch: number;
  /** Number of steps so far. */
  readonly step: number;
  /** Mean objective over the epoch's steps. */
  readonly loss: number;
  /** Mean of each term before its weight, by the term's name. A second term of the same name has ` 2` after it. */
  readonly terms: Readonly<Record<string, number>>;
  /** Learning rate at the epoch's last step. */
  readonly learningRate: number;
  /** The measurement after this epoch, if there was one. Of several questions, the means by their weights. */
  readonly validation: Measured | undefined;
  /** True if validation accuracy is the best so far. */
  readonly best: boolean;
  /** Each question by its name, if the student answers several. */
  readonly questions?: Readonly<Record<string, QuestionEpoch>> | undefined;
}

/** What a pass over the knowledge came to for one of several questions. */
export interface QuestionEpoch {
  /** Mean objective of the question over the epoch's steps; a batch without an answer to it counts as 0. */
  readonly loss: number;
  /** The measurement after this epoch, if there was one and the question has labels. */
  readonly validation?: Measured | undefined;
}
