import {readsPlainTexts} from '../data/reading.ts';
import type {Student} from '../student/student.ts';
import {adam} from '../train/optimizer.ts';
import type {TrainOptions} from '../train/options.ts';
import type {AssistantUse} from './methods.ts';

/** A run with an assistant sees each input at least so often, and at least so many in all. */
const LENGTH = {epochs: 4, examples: 24_000};
/**
 * Where counts of words and characters alone give so many of the answers, a student that counts them learns from half as many
 * examples, and from no more than some parts of a long text in a step.
 */
const PLAIN = {agreement: 0.85, examples: 12_000, mostParts: 512};
/** A student that counts words and characters sees so many examples to each answer, at least. */
const TO_AN_ANSWER = 12;
const BATCH_SIZE = 64;
/**
 * A student that reads words takes twice as many examples in a step, at twice the default rate: Goyal et al. (2017),
 * Accurate, large minibatch SGD, section 2.1. It learns as much in half the steps, and most of a step costs the same
 * whatever its size.
 */
const OF_TEXTS = {batchSize: 128, learningRate: 0.02};

type Said = Pick<TrainOptions, 'epochs' | 'steps' | 'batchSize' | 'optimizer' | 'mostParts'>;

/** What a student learns from. */
interface Lesson extends Pick<AssistantUse, 'plainAgreement' | 'answers'> {
  /** Number of inputs. */
  readonly count: number;
}

/**
 * The length of a run with an assistant, and its batches, as far as a recipe says nothing of them. Labels of an assistant
 * are many and smooth: a student that sees each a few times, in large batches, has learned them.
 *
 * @param said - what the recipe says
 */
export function assistedTraining({reading}: Pick<Student, 'reading'>, lesson: Lesson, said: Said): Said {
  if (said.epochs !== undefined || said.steps !== undefined) return {};
  const {answers, count, plainAgreement} = lesson;
  const counts = reading?.kind === 'n-grams';
  const isPlain = counts && plainAgreement >= PLAIN.agreement;
  const {examples} = isPlain ? PLAIN : LENGTH;
  const most = Math.max(examples, counts ? TO_AN_ANSWER * answers : 0);
  const epochs = Math.max(LENGTH.epochs, Math.ceil(most / count));
  const length = {epochs, ...(isPlain && {mostParts: said.mostParts ?? PLAIN.mostParts})};
  if (said.batchSize !== undefined) return length;
  if (said.optimizer !== undefined || !readsPlainTexts(reading)) return {...length, batchSize: BATCH_SIZE};
  const {batchSize, learningRate} = OF_TEXTS;
  return {...length, batchSize, optimizer: adam({learningRate})};
}
