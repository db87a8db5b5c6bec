import type {Epoch} from './options.ts';
import {Stopwatch} from './profile.ts';

/**
 * How far a run is, between two of its steps. With the values of all variables it is the whole state of a run: the
 * order of batches, the views and the schedule all follow from the seed and the number of the step.
 */
export interface Progress {
  /** The epoch under way, from 1; one more than there are when all are done. */
  epoch: number;
  /** Steps of it that are done. */
  step: number;
  /** The objectives of these steps, and each term before its weight, added up: [1 + terms]. */
  readonly sums: Float64Array;
  /** The epochs before it, as they were yielded. */
  readonly epochs: Epoch[];
  /** Where the time went so far. */
  readonly stopwatch: Stopwatch;
}

/** A run before its first step. */
export function freshProgress(terms: number): Progress {
  return {epoch: 1, step: 0, sums: new Float64Array(1 + terms), epochs: [], stopwatch: new Stopwatch()};
}

/** Ends the epoch under way. */
export function closeEpoch(progress: Progress, epoch: Epoch): void {
  progress.epochs.push(epoch);
  progress.epoch++;
  progress.step = 0;
  progress.sums.fill(0);
}
