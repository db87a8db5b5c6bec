import type {Epoch} from './options.ts';
import {Stopwatch} from './profile.ts';
import {PARTS} from './trend.ts';

/**
 * The progress of a run, between two of its steps. With the values of all variables it is the whole state of a run,
 * because the order of batches, the views and the schedule all follow from the seed and the number of the step.
 */
export interface Progress {
  /** The epoch under way, from 1. After the last epoch it is one more than their number. */
  epoch: number;
  /** Number of finished steps of this epoch. */
  step: number;
  /** Sums over these steps of the objective, and of each term before its weight: [1 + terms]. */
  readonly sums: Float64Array;
  /** The sum of the losses of each part of the run, [PARTS]. */
  readonly course: Float64Array;
  /** The earlier epochs, as they were yielded. */
  readonly epochs: Epoch[];
  /** The time that each part took so far. */
  readonly stopwatch: Stopwatch;
}

/** The progress before the first step. */
export function freshProgress(terms: number): Progress {
  return {
    epoch: 1,
    step: 0,
    sums: new Float64Array(1 + terms),
    course: new Float64Array(PARTS),
    epochs: [],
    stopwatch: new Stopwatch(),
  };
}

/** Ends the epoch under way. */
export function closeEpoch(progress: Progress, epoch: Epoch): void {
  progress.epochs.push(epoch);
  progress.epoch++;
  progress.step = 0;
  progress.sums.fill(0);
}
