import {z} from 'zod';
import {type DetailByQuestion, isDetail} from '../ask/collect-questions.ts';
import {InputError} from '../errors.ts';
import {nearestHint} from '../options.ts';
import type {Question} from '../question.ts';
import type {Detail} from '../teacher.ts';
import type {Method, QuestionsMethod, Recipe} from './recipe.ts';

/** True for the losses of all questions, false for an object by question. */
export function isLosses(losses: unknown): losses is Method['losses'] {
  return Array.isArray(losses) || typeof losses !== 'object' || (losses !== null && 'prepare' in losses);
}

/**
 * A method as it learns one question.
 *
 * @param question - undefined for a recipe of one question
 * @throws InputError if its losses say nothing of the question
 */
export function methodAbout(method: Method | QuestionsMethod, question?: Question): Method {
  if (isOfOne(method)) return method;
  const {losses: given, detail: shown, ...others} = method;
  const losses = isLosses(given) ? given : ownOf(given, question);
  if (losses === undefined) {
    const problem = question ? `has no losses for question \`${question.name}\`` : 'has losses by question';
    const remedy = question ? 'Give some for each question.' : 'Give the recipe `questions`, or the method one list.';
    throw new InputError(`Method \`${method.method}\` ${problem}. ${remedy}`);
  }
  const detail = shown && (isDetail(shown) ? shown : ownOf<Detail>(shown, question));
  return {...others, losses, ...(detail && {detail})};
}

/** True if a method learns all questions alike. */
function isOfOne(method: Method | QuestionsMethod): method is Method {
  return isLosses(method.losses) && isDetail(method.detail);
}

function ownOf<T>(values: {readonly [question: string]: T}, question: Question | undefined): T | undefined {
  return question && Object.hasOwn(values, question.name) ? values[question.name] : undefined;
}

/**
 * The schema of a value for all questions, or of an object by question.
 *
 * @param isOne - true if a value is for all questions
 */
export function perQuestion<T>(one: z.ZodType<T>, isOne: (value: unknown) => boolean): z.ZodType<T> {
  const each = z.record(z.string(), one);
  return z.preprocess((value, context) => {
    if (isOne(value)) return value;
    const checked = each.safeParse(value);
    for (const {path, message} of checked.error?.issues ?? []) context.addIssue({code: 'custom', path, message});
    // All of them fit, so that any one stands for the rest.
    return Object.values(value as object)[0];
  }, one);
}

/** What is wrong with the losses and details by question, or the students, of a recipe that is otherwise right. */
export function problemsByQuestion({questions, methods, student}: Recipe): readonly string[] {
  const names = questions?.map(({name}) => name);
  const isPrepared = student === 'auto' || [student].flat().some(({preparation}) => preparation !== undefined);
  const students =
    questions && isPrepared
      ? ["student: staticEmbedding() and 'auto' are for recipes of one question: give another"]
      : [];
  const parts = methods.flatMap(({losses, detail}, index) => [
    ...(isLosses(losses) ? [] : problemsIn(losses, names, `methods.${index}.losses`)),
    ...(isLosses(losses) ? [] : missingIn(losses, names, `methods.${index}.losses`)),
    ...(isDetail(detail) ? [] : problemsIn(detail as DetailByQuestion, names, `methods.${index}.detail`)),
  ]);
  return [...students, ...parts];
}

function problemsIn(values: object, names: readonly string[] | undefined, path: string): readonly string[] {
  if (names === undefined) return [`${path}: is by question, and the recipe has no \`questions\``];
  const unknown = Object.keys(values).filter(name => !names.includes(name));
  return unknown.map(name => `${path}.${name}: no question has this name. ${nearestHint(name, names)}`);
}

function missingIn(losses: object, names: readonly string[] = [], path: string): readonly string[] {
  const missing = names.filter(name => !Object.hasOwn(losses, name));
  return missing.map(name => `${path}: has none for question \`${name}\``);
}
