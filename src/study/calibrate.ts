import {answersNeeded, answersShort, certify} from '../evaluate/guarantee.ts';
import {countOf, type Knowledge, type StoredKnowledge} from '../knowledge/knowledge.ts';
import {readFirstVersions} from '../knowledge/part-of.ts';
import {targetsOf} from '../losses/targets.ts';
import {cascadeTarget} from '../recipe/cascade-target.ts';
import type {Recipe} from '../recipe/recipe.ts';
import {predictLogits} from '../student/predict.ts';
import type {Calibration, Student} from '../student/student.ts';

export interface CalibrateOptions {
  /** T, fitted to none of the calibration answers. */
  readonly temperature: number;
  /** Inputs, by their index, whose answers calibrate; the student must not have learned from them. */
  readonly calibrationInputs: readonly number[];
  /**
   * Inputs that were drawn as well and have no answer: they count as disagreements.
   *
   * @default 0
   */
  readonly unanswered?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Finds out how sure a student must be for its cascade to keep what the recipe promises. It is asked about inputs as they
 * are: the first version of each.
 *
 * @param student - as it is kept
 * @returns the temperature alone if nothing is promised, or if the answers are true labels, which say nothing of a teacher
 */
export async function calibrate(
  recipe: Pick<Recipe, 'calibration'>,
  student: Student,
  knowledge: Knowledge | StoredKnowledge,
  {temperature, calibrationInputs, unanswered = 0, signal}: CalibrateOptions,
): Promise<Calibration> {
  const target = cascadeTarget(recipe);
  if (target === undefined || knowledge.source.access === 'truth') return {temperature};
  const {versions = 1, classes} = knowledge;
  const {inputs, answers} = await readFirstVersions(knowledge, calibrationInputs);
  const logits = await predictLogits(student, inputs, {signal});
  const {labels} = targetsOf(answers, classes.length);
  const {threshold, guarantee} = certify(logits, labels, classes.length, {temperature, unanswered, ...target});
  if (calibrationInputs.length > 0) return {temperature, threshold, guarantee};
  // If there are enough and yet none may calibrate, as in traffic, those that are asked for next are drawn at random.
  const short = answersShort(countOf(knowledge) / versions, target, recipe.calibration?.share);
  const moreAnswers = short || answersNeeded(0, target);
  return {temperature, threshold, guarantee: {...guarantee, moreAnswers}};
}
