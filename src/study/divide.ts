import {shuffledIndices} from '../data/random.ts';
import {InputError} from '../errors.ts';
import {countOf, type Knowledge, partOf, type StoredKnowledge} from '../knowledge/knowledge.ts';
import type {Method, Recipe} from '../recipe/recipe.ts';
import {setApart} from '../recipe/resolve.ts';
import {rowsAskedAgain} from './repeatability.ts';

/** The answers that a method's students learn from, and those that calibrate them. */
export interface Divided {
  /** All that trains and chooses. */
  readonly training: Knowledge | StoredKnowledge;
  /** Inputs of the whole, by their index, whose answers are set apart. */
  readonly calibrationInputs: readonly number[];
  /** Inputs that were drawn to calibrate as well, and have no answer. */
  readonly unanswered: number;
}

/** Sets the answers apart that calibrate. Throws as `inputsApart` does. */
export function divide(...[recipe, method, knowledge]: Parameters<typeof inputsApart>): Divided {
  const {calibrationInputs, unanswered} = inputsApart(recipe, method, knowledge);
  if (calibrationInputs.length === 0) return {training: knowledge, calibrationInputs, unanswered};
  const isApart = new Set(calibrationInputs);
  const others = Array.from({length: inputsIn(knowledge)}, (_, input) => input).filter(input => !isApart.has(input));
  return {training: partOf(knowledge, others), calibrationInputs, unanswered};
}

/**
 * Which inputs calibrate. They are the same for every seed of a method and when it is tuned: what
 * one student learned from, none is calibrated by.
 *
 * @throws InputError if the inputs were chosen and none were drawn to calibrate by
 */
export function inputsApart(
  recipe: Pick<Recipe, 'calibration'>,
  {method, select}: Pick<Method, 'method' | 'select'>,
  knowledge: Knowledge | StoredKnowledge,
): Omit<Divided, 'training'> {
  const count = inputsIn(knowledge);
  const size = setApart(recipe, count);
  if (size === 0) return {calibrationInputs: [], unanswered: 0};
  if (select && !knowledge.calibrationInputs?.length) {
    throw new InputError(
      `The inputs of method \`${method}\` were all chosen, and only answers about inputs drawn at random can calibrate. ` +
        'Run `limbeck label` again: it asks about some, and what was answered stays paid for.',
    );
  }
  const {calibrationInputs, unanswered = 0, versions = 1} = knowledge;
  if (calibrationInputs) return {calibrationInputs, unanswered};
  return drawn(count, size, Math.ceil(unanswered / versions));
}

function inputsIn(knowledge: Knowledge | StoredKnowledge): number {
  return countOf(knowledge) / (knowledge.versions ?? 1);
}

/**
 * Draws from all inputs that were asked about, so that those without an answer come as often as they do among requests.
 * Leaves out the first, which may be asked about twice to find out what a method can learn from.
 */
function drawn(count: number, size: number, unanswered: number): Omit<Divided, 'training'> {
  const first = Math.min(rowsAskedAgain(count).length, count - size);
  const indices = shuffledIndices(count - first + unanswered, 0, 'answers to calibrate by').subarray(0, size);
  const calibrationInputs = Array.from(indices, index => first + index).filter(input => input < count);
  return {calibrationInputs, unanswered: size - calibrationInputs.length};
}
