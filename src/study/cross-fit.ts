import {concatenated} from '../data/arrays.ts';
import {mixSeed, shuffledIndices} from '../data/random.ts';
import {InputError} from '../errors.ts';
import {fitTemperature, temperatureError} from '../knowledge/fit-temperature.ts';
import {countOf, type Knowledge, readPart, type StoredKnowledge} from '../knowledge/knowledge.ts';
import {FOLDS} from '../recipe/resolve.ts';
import type {Student} from '../student/student.ts';
import {answeredLogits} from './answered-logits.ts';

export interface CrossFitOptions {
  /**
   * Parts of the answers; as many students are trained.
   *
   * @default 5
   */
  readonly folds?: number;
  /**
   * No further part is tried once students were asked about so many answers.
   *
   * @default all parts are tried
   */
  readonly most?: number | undefined;
  /**
   * No further part is tried if this says that what was found is enough.
   *
   * @default all parts are tried
   */
  readonly isEnough?: ((found: CrossFit) => boolean) | undefined;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
  /** Trains a student on a part of the knowledge. */
  readonly train: (part: Knowledge, fold: number) => Promise<Student>;
}

/** The logits of students for inputs that they did not learn from, and the labels that they should give. */
export interface CrossFit {
  /** [inputs, classes] */
  readonly logits: Float32Array;
  /** The most probable class of each answer. */
  readonly labels: readonly number[];
}

/** A temperature would move the expected levels that a student has learned. It is 1 for these. */
export function temperatureFor(
  {detail, classes}: Pick<Knowledge, 'detail' | 'classes'>,
  {logits, labels}: CrossFit,
): number {
  return detail.kind === 'expected' ? 1 : fitTemperature(logits, labels, classes.length);
}

/** The standard error of a temperature's logarithm at which no further part is tried. */
const CLOSE = 0.1;
/**
 * After so many answers none is, whatever the standard error: one number that is fitted to n answers costs about 1 / (2n)
 * nats an answer on average (Wilks, 1938, The large-sample distribution of the likelihood ratio), and twice that where few
 * of them leave a doubt.
 */
const ENOUGH = 150;

/** Whether a temperature is known closely enough. What it costs to be known no closer is in `test/bench/README.md`. */
export function isTemperatureKnown(knowledge: Pick<Knowledge, 'detail' | 'classes'>, found: CrossFit): boolean {
  if (knowledge.detail.kind === 'expected' || found.labels.length >= ENOUGH) return true;
  const temperature = temperatureFor(knowledge, found);
  return temperatureError(found.logits, knowledge.classes.length, temperature) <= CLOSE;
}

/**
 * Cross-fitting: for each part of the answers a student learns from the other parts and is asked about that one. The same
 * seed divides the same knowledge in the same way. Versions of one input stay in one part, and the first of them, which is
 * the clean one if it is there, is what a student is asked about.
 *
 * @throws InputError if there are fewer answers than parts
 */
export async function crossFit(
  knowledge: Knowledge | StoredKnowledge,
  {folds = FOLDS, most = Number.POSITIVE_INFINITY, isEnough, seed, signal, train}: CrossFitOptions,
): Promise<CrossFit> {
  const {versions = 1} = knowledge;
  const count = countOf(knowledge) / versions;
  if (count < folds) {
    throw new InputError(
      `To try students in ${folds} parts takes ${folds} answers at least, and there are ${count}. Ask for more, or divide them in fewer parts: \`calibration.folds\`.`,
    );
  }
  const order = shuffledIndices(count, mixSeed(seed, 'parts to calibrate by'));
  let logits: Float32Array = new Float32Array();
  const labels: number[] = [];
  for (let fold = 0; fold < folds && labels.length < most; fold++) {
    if (fold > 0 && isEnough?.({logits, labels})) break;
    const asked = order.filter((_, index) => index % folds === fold);
    const known = order.filter((_, index) => index % folds !== fold);
    const student = await train(await readPart(knowledge, known), fold);
    const answered = await answeredLogits(student, knowledge, asked, signal);
    logits = concatenated(logits, answered.logits);
    for (const label of answered.labels) labels.push(label);
    student.model.dispose();
  }
  return {logits, labels};
}
