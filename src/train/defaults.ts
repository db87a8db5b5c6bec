import {readsPlainTexts, readsTexts} from '../data/reading.ts';
import {InputError} from '../errors.ts';
import type {Student} from '../student/student.ts';
import {adam, type Optimizer} from './optimizer.ts';
import type {TrainOptions} from './options.ts';
import {cosineDecay, type Schedule} from './schedule.ts';

/** Examples of a step. */
export const BATCH_SIZE = 32;

/** Steps of a run that says nothing of its length. A few hundred examples need many passes for it, many a few. */
const STEPS = 1000;

/** A run that says nothing of its length sees each example at least so often. */
const LEAST_EPOCHS = 20;

/**
 * The number of epochs of a run over so many examples.
 *
 * @throws InputError if both `epochs` and `steps` are given, or one of them is not a whole number of at least 1
 */
export function epochsOf(
  {epochs, steps, batchSize = BATCH_SIZE}: Pick<TrainOptions, 'epochs' | 'steps' | 'batchSize'>,
  count: number,
): number {
  checkCount('batchSize', batchSize);
  if (epochs !== undefined && steps !== undefined) {
    throw new InputError('`epochs` and `steps` both say how long to train. Leave one of them out.');
  }
  if (epochs !== undefined) {
    checkCount('epochs', epochs);
    return epochs;
  }
  if (steps !== undefined) checkCount('steps', steps);
  const stepsPerEpoch = Math.ceil(count / batchSize);
  if (steps !== undefined) return Math.ceil(steps / stepsPerEpoch);
  return Math.max(LEAST_EPOCHS, Math.ceil(STEPS / stepsPerEpoch));
}

/** The decay of weights over a whole run: its sum over the steps, if the rate were constant. */
const DECAY = 2;

/**
 * Adam at a rate of 0.01, or 0.002 behind a frozen encoder, with decoupled weight decay. The decay of a step is the less the
 * longer the run, so that it comes to the same over the run (Wang and Aitchison, 2024, How to set AdamW's weight decay as
 * you scale model and dataset size). A student that reads words itself has none: most of its weights belong to words that
 * occur in few steps, and would be worn away between them.
 */
export function defaultOptimizer({reading}: Pick<Student, 'reading'>, steps: number): Optimizer {
  const learningRate = reading?.kind === 'embeddings' ? 0.002 : 0.01;
  return adam({
    learningRate,
    weightDecay: readsPlainTexts(reading) ? 0 : DECAY / (learningRate * Math.max(steps, STEPS)),
  });
}

/**
 * Half a cosine down to 0. At the rate of the default optimizer a warm-up keeps networks that convolve from harm; students
 * of texts are better without.
 */
export function defaultSchedule({reading}: Pick<Student, 'reading'>, optimizer: Optimizer | undefined): Schedule {
  return cosineDecay({warmUp: readsTexts(reading) || optimizer ? 0 : 0.1});
}

/** @throws InputError if an option is not a whole number of at least 1 */
export function checkCount(name: string, value: number): void {
  if (Number.isInteger(value) && value >= 1) return;
  throw new InputError(`Expected \`${name}\` to be a whole number of at least 1, got ${value}.`);
}
