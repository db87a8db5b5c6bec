import type {Split, Unlabelled} from '../data/split.ts';
import {InputError} from '../errors.ts';
import {joinDetails} from '../knowledge/coarsen.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {coarsenAnswers} from '../knowledge/table.ts';
import {needsOf} from '../losses/objective.ts';
import type {Method, Recipe} from '../recipe/recipe.ts';
import type {Access, Detail} from '../teacher.ts';

/** The levels of access from the one that shows least. */
export const LEVELS: readonly Access[] = ['black-box', 'gray-box', 'white-box'];

/** The levels that a recipe's methods learn from, the one that shows least first. */
export function levelsOf({methods}: Recipe): readonly Access[] {
  return LEVELS.filter(access => methods.some(({level}) => level === access));
}

/** The level that shows most of those that the recipe has a teacher for: students are measured against it. */
export function referenceLevel({teachers}: Recipe): Access {
  return LEVELS.findLast(level => teachers[level] !== undefined)!;
}

/** What a method's answers hold. */
export function detailOfMethod({detail, losses}: Method): Detail {
  return detail ?? needsOf(losses);
}

/** The least that a level must be asked for, so that every method of it finds what it needs. */
export function detailOfLevel({methods}: Recipe, access: Access): Detail {
  return joinDetails(methods.filter(({level}) => level === access).map(detailOfMethod));
}

/** What a method learns from: the level's answers coarsened to what it may see, or true labels. */
export function knowledgeFor(
  method: Method,
  levels: ReadonlyMap<Access, Knowledge>,
  drawn: Split<'train'> | Unlabelled<'train'>,
  classes: readonly string[],
): Knowledge {
  if (method.level === 'none') return trueLabels(drawn, classes);
  const knowledge = levels.get(method.level);
  if (knowledge === undefined) throw new TypeError(`Level ${method.level} was not asked.`);
  const detail = detailOfMethod(method);
  return {...knowledge, detail, answers: coarsenAnswers(knowledge.answers, detail, classes.length)};
}

/**
 * True labels as if a teacher had answered them: the baseline that learns without one.
 *
 * @throws InputError where there are none
 */
export function trueLabels(split: Split<'train'> | Unlabelled<'train'>, classes: readonly string[]): Knowledge {
  if (!('labels' in split)) throw new InputError('The training inputs have no true labels to learn from.');
  const {inputs, labels} = split;
  return {
    source: {access: 'truth', identity: {}},
    classes,
    detail: {kind: 'label'},
    inputs,
    answers: {kind: 'label', count: labels.length, labels},
  };
}
