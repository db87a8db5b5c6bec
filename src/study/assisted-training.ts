import {readsTexts} from '../data/reading.ts';
import type {Student} from '../student/student.ts';
import {adam} from '../train/optimizer.ts';
import type {TrainOptions} from '../train/options.ts';

/** A run with an assistant sees each input at least so often, and at least so many in all. */
const LENGTH = {epochs: 4, examples: 24_000};
const BATCH_SIZE = 64;
/**
 * A student of texts takes twice as many examples in a step, at twice the default rate: Goyal et al. (2017), Accurate, large
 * minibatch SGD, section 2.1. It learns as much in half the steps, and most of a step costs the same whatever its size.
 */
const OF_TEXTS = {batchSize: 128, learningRate: 0.02};

type Said = Pick<TrainOptions, 'epochs' | 'steps' | 'batchSize' | 'optimizer'>;

/**
 * The length of a run with an assistant, and its batches, as far as a recipe says nothing of them. Labels of an assistant
 * are many and smooth: a student that sees each a few times, in large batches, has learned them.
 *
 * @param count - number of inputs that the student learns from
 * @param said - what the recipe says
 */
export function assistedTraining({reading}: Pick<Student, 'reading'>, count: number, said: Said): Said {
  if (said.epochs !== undefined || said.steps !== undefined) return {};
  const epochs = Math.max(LENGTH.epochs, Math.ceil(LENGTH.examples / count));
  if (said.batchSize !== undefined) return {epochs};
  if (said.optimizer !== undefined || !readsTexts(reading)) return {epochs, batchSize: BATCH_SIZE};
  const {batchSize, learningRate} = OF_TEXTS;
  return {epochs, batchSize, optimizer: adam({learningRate})};
}
