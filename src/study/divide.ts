import {shuffledIndices} from '../data/random.ts';
import {InputError} from '../errors.ts';
import {countOf, firstInputs, type Knowledge, partOf, type StoredKnowledge} from '../knowledge/knowledge.ts';
import type {Method} from '../recipe/recipe.ts';
import type {ResolvedRecipe} from '../recipe/resolve.ts';
import {type AnsweredMethod, type Apart, folderAt} from './methods.ts';

/** Gives a method its answers and divides them. Throws as `inputsApart` does. */
export function withAnswers<M extends Pick<Method, 'method' | 'select'>, K extends Knowledge | StoredKnowledge>(
  recipe: Pick<ResolvedRecipe, 'calibrationSizeOf'>,
  method: M,
  knowledge: K,
): M & Pick<AnsweredMethod<K>, 'knowledge' | 'apart'> {
  return {...method, knowledge, apart: inputsApart(recipe, method, knowledge)};
}

/** A method that has the answers about its first inputs alone. Its students have a folder of their own. */
export function atBudget<M extends AnsweredMethod>(
  recipe: Pick<ResolvedRecipe, 'calibrationSizeOf'>,
  method: M,
  budget: number | undefined,
): M {
  if (budget === undefined) return method;
  const folder = folderAt(method, budget);
  return withAnswers(recipe, {...method, folder}, firstInputs(method.knowledge, budget));
}

/** A method with the answers that train and choose its students: all but those that calibrate. */
export function taught<M extends Pick<AnsweredMethod, 'knowledge' | 'apart'>>({apart, ...method}: M): Omit<M, 'apart'> {
  const {knowledge} = method as Pick<AnsweredMethod, 'knowledge'>;
  if (apart.calibrationInputs.length === 0) return method;
  const isApart = new Set(apart.calibrationInputs);
  const others = Int32Array.from({length: inputsIn(knowledge)}, (_, input) => input).filter(
    input => !isApart.has(input),
  );
  return {...method, knowledge: partOf(knowledge, others), allAnswers: knowledge};
}

/**
 * Which inputs calibrate. They are the same for every seed of a method and when it is tuned: what
 * one student learned from, none is calibrated by.
 *
 * @throws InputError if the inputs were chosen and none were drawn to calibrate by
 */
export function inputsApart(
  recipe: Pick<ResolvedRecipe, 'calibrationSizeOf'>,
  {method, select}: Pick<Method, 'method' | 'select'>,
  knowledge: Knowledge | StoredKnowledge,
): Apart {
  const count = inputsIn(knowledge);
  const size = recipe.calibrationSizeOf(count);
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
function drawn(count: number, size: number, unanswered: number): Apart {
  const first = Math.min(rowsAskedAgain(count).length, count - size);
  const indices = shuffledIndices(count - first + unanswered, 0, 'answers to calibrate by').subarray(0, size);
  const calibrationInputs = Array.from(indices, index => first + index).filter(input => input < count);
  return {calibrationInputs, unanswered: size - calibrationInputs.length};
}

/** Inputs that a service may be asked about twice. */
const ASKED_AGAIN = 5;

/** Indices of the inputs that a service is asked about again, out of so many. */
export function rowsAskedAgain(count: number): readonly number[] {
  return Array.from({length: Math.min(ASKED_AGAIN, count)}, (_, row) => row);
}
