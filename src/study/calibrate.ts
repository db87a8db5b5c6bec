import {mixSeed, shuffledIndices} from '../data/random.ts';
import {InputError} from '../errors.ts';
import {fitTemperature, thresholdFor} from '../evaluate/calibration.ts';
import {answersAt, countOf, inputsAt, type Knowledge, type StoredKnowledge} from '../knowledge/knowledge.ts';
import {targetsOf} from '../losses/targets.ts';
import type {CalibrationOptions} from '../recipe/recipe.ts';
import {predictLogits} from '../student/predict.ts';
import type {Calibration, Student} from '../student/student.ts';

export interface CalibrateOptions extends CalibrationOptions {
  readonly seed: number;
  readonly signal?: AbortSignal;
  /** Trains a student on a part of the knowledge. */
  readonly train: (part: Knowledge, fold: number) => Promise<Student>;
}

/** In how many parts the answers are divided where nothing else is said. */
export const FOLDS = 5;

/**
 * Calibrates by cross-fitting, see `CalibrationOptions`: what a student is asked about it did not learn from.
 *
 * @throws InputError where there are fewer answers than parts
 */
export async function calibrate(
  knowledge: Knowledge | StoredKnowledge,
  {folds = FOLDS, agreement, seed, signal, train}: CalibrateOptions,
): Promise<Calibration> {
  const count = countOf(knowledge);
  if (count < folds) {
    throw new InputError(`To calibrate in ${folds} parts takes ${folds} answers at least, and there are ${count}.`);
  }
  const classes = knowledge.classes.length;
  const order = shuffledIndices(count, mixSeed(seed, 'parts to calibrate by'));
  const logits: Float32Array[] = [];
  const labels: number[] = [];
  for (let fold = 0; fold < folds; fold++) {
    const asked = order.filter((_, place) => place % folds === fold);
    const student = await train(
      await partOf(
        knowledge,
        order.filter((_, place) => place % folds !== fold),
      ),
      fold,
    );
    const part = await partOf(knowledge, asked);
    logits.push(await predictLogits(student, part.inputs, {...(signal && {signal})}));
    labels.push(...targetsOf(part.answers, classes).labels);
    student.model.dispose();
  }
  const all = Float32Array.from(logits.flatMap(part => [...part]));
  const temperature = fitTemperature(all, labels, classes);
  if (agreement === undefined) return {temperature};
  return {temperature, threshold: thresholdFor(all, labels, classes, {temperature, agreement})};
}

async function partOf(knowledge: Knowledge | StoredKnowledge, rows: Int32Array): Promise<Knowledge> {
  const {source, classes, detail} = knowledge;
  const [inputs, answers] = await Promise.all([inputsAt(knowledge, rows), answersAt(knowledge, rows)]);
  return {source, classes, detail, inputs, answers};
}
