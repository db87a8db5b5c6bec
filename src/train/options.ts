import type {Split} from '../data/split.ts';
import type {View} from '../data/view.ts';
import type {LossTerm} from '../losses/loss.ts';
import type {Teacher} from '../teacher.ts';
import type {Optimizer} from './optimizer.ts';
import type {Profile} from './profile.ts';
import type {Schedule} from './schedule.ts';

export interface TrainOptions {
  /** The objective: the sum of the terms, each times its weight. */
  readonly losses: readonly LossTerm[];
  /** Decides the order of batches, the views, and the terms' own initial weights. The same seed gives the same bits. */
  readonly seed: number;
  /** Passes over the knowledge. */
  readonly epochs: number;
  /** @default 64 */
  readonly batchSize?: number;
  /**
   * How far rare classes are seen more often than they come, by the teacher's labels: from 0, as they come, to 1, all
   * classes alike. A student whose classes are rare in training alone should stay at 0; one that misses a class that
   * matters, though it be rare, should see more of it.
   *
   * @default 0
   */
  readonly balance?: number;
  /** @default adam() */
  readonly optimizer?: Optimizer;
  /** @default cosine() */
  readonly schedule?: Schedule;
  /**
   * Greatest global norm of the gradients.
   *
   * @default no clipping
   */
  readonly clipNorm?: number;
  /** Measured after each epoch. Training sees nothing of it but when to stop. */
  readonly validation?: Split<'validation'> | undefined;
  /**
   * Measures validation after every so many epochs, and after the last.
   *
   * @default 1
   */
  readonly validateEvery?: number;
  /**
   * Ends the run when validation accuracy has not grown for `patience` measurements, and goes back to the best weights.
   *
   * @default none
   */
  readonly earlyStopping?: {readonly patience: number};
  /**
   * Augments every batch. Needs `teacher`, since an answer is about the view that the student sees; or true labels, where
   * it takes no partner.
   */
  readonly view?: View;
  /** Answers live, on the very batch that the student sees, in place of the answers kept in the knowledge. */
  readonly teacher?: Teacher<'white-box'>;
  /**
   * Keeps the run on disk, so that it can go on where it was and end with the same weights, to the bit.
   *
   * @default none
   */
  readonly checkpoint?: CheckpointOptions | undefined;
  /**
   * Compiles the step into one graph, where the native engine runs and the step allows it. The weights come out the same
   * either way, to the last digits.
   *
   * @default true
   */
  readonly compile?: boolean;
  /** Told once, as a clause, why the step can't be compiled on the native engine; the run then goes on without. */
  readonly onFallback?: (reason: string) => void;
  readonly signal?: AbortSignal | undefined;
  /** Told once at the end where the time of the whole run went, parts before a `resume` included. */
  readonly onProfile?: (profile: Profile) => void;
  /** Called after every step, for progress inside an epoch. */
  readonly onStep?:
    | ((progress: {readonly step: number; readonly steps: number; readonly loss: number}) => void)
    | undefined;
}

/**
 * A run is kept before its first step, every so often, when it is left (by `break` or by an abort) and at its end. It
 * goes on only with the same data, settings and engine. The file of a run that has ended stays: going on from it gives
 * no epoch, and the student its final weights.
 */
export interface CheckpointOptions {
  /** One file; its folder is made where it is missing. */
  readonly path: string;
  /**
   * Seconds between writes: what a crash can cost. 0 writes after every step.
   *
   * @default 30
   */
  readonly everySeconds?: number;
  /**
   * Goes on from the file where there is one, and starts afresh where there is none. Without it the file is replaced. A
   * file that is damaged or of another run is refused with `true`, and replaced with `if-possible`.
   *
   * @default false
   */
  readonly resume?: boolean | 'if-possible';
  /** Called where a run goes on, before its next step. `epochs` are those that were yielded before. */
  readonly onResume?: (kept: {
    readonly step: number;
    readonly steps: number;
    readonly epochs: readonly Epoch[];
  }) => void;
}

/** What one pass over the knowledge came to. */
export interface Epoch {
  /** Counts from 1. */
  readonly epoch: number;
  /** Steps so far. */
  readonly step: number;
  /** Mean objective over the epoch's steps. */
  readonly loss: number;
  /** Mean of each term before its weight, by the term's name; of a second one of that name, by the name and ` 2`. */
  readonly terms: Readonly<Record<string, number>>;
  /** At the epoch's last step. */
  readonly learningRate: number;
  /** Where it was measured after this epoch. */
  readonly validation: {readonly accuracy: number; readonly nll: number} | undefined;
  /** True if validation accuracy is the best so far. */
  readonly best: boolean;
}
