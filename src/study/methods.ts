import {type Split, selectSplit, type Unlabelled} from '../data/split.ts';
import {versionsOf} from '../data/versions.ts';
import {joinDetails} from '../knowledge/coarsen.ts';
import {coarsenKnowledge, type Knowledge} from '../knowledge/knowledge.ts';
import {selectAnswers} from '../knowledge/table.ts';
import {trueLabels} from '../knowledge/true-labels.ts';
import {LEVELS} from '../levels.ts';
import {needsOf} from '../losses/objective.ts';
import {countedViews} from '../recipe/counted-views.ts';
import type {Method, Recipe} from '../recipe/recipe.ts';
import type {Access, Detail} from '../teacher.ts';
import type {MethodChanges} from './changes.ts';

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

/** The least that a level's teacher must show, so that every method that asks it as it is finds what it needs. */
export function detailOfLevel({methods}: Recipe, access: Access): Detail {
  return joinDetails(methods.filter(({level, asks}) => level === access && asks === undefined).map(detailOfMethod));
}

/**
 * What a method learns from: answers coarsened to what it may see, or true labels.
 *
 * @param asked - what came of its inquiry; nothing of one that learns from true labels
 * @param drawn - the inputs that were drawn, with true labels if there are any
 */
export function knowledgeFor(
  method: Method,
  asked: Knowledge | undefined,
  drawn: Drawn,
  classes: readonly string[],
  {leftOut}: MethodChanges = {},
): Knowledge {
  if (method.level === 'none') return trueLabelsFor(method, drawnWithout(drawn, leftOut), classes);
  if (asked === undefined) throw new TypeError(`Method ${method.method} asked nobody.`);
  return coarsenKnowledge(asked, detailOfMethod(method));
}

type Drawn = Split<'train'> | Unlabelled<'train'>;

function drawnWithout(drawn: Drawn, leftOut: readonly number[] = []): Drawn {
  if (leftOut.length === 0 || !('labels' in drawn)) return drawn;
  const without = new Set(leftOut);
  return selectSplit(
    drawn,
    Array.from(drawn.labels.keys()).filter(row => !without.has(row)),
  );
}

/** True labels, which hold for all versions of an input that the method learns from. */
function trueLabelsFor(method: Method, drawn: Drawn, classes: readonly string[]): Knowledge {
  const truth = trueLabels(drawn, classes);
  const views = countedViews(method);
  if (views === undefined) return truth;
  const {inputs, versions} = versionsOf(truth.inputs, views);
  const answers = selectAnswers(
    truth.answers,
    Array.from({length: inputs.count}, (_, row) => Math.floor(row / versions)),
    classes.length,
  );
  return {...truth, inputs, answers, versions};
}
