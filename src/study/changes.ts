import {labelsInstead} from '../losses/labels-instead.ts';
import type {Method} from '../recipe/recipe.ts';
import type {Tuning} from './results.ts';
import type {Study} from './study.ts';
import {methodAt, type Setting} from './tune/settings.ts';

/** In what a study trains a method otherwise than its recipe says. */
export interface MethodChanges {
  /** It learns from labels in place of scores, which its teacher perturbs. */
  readonly learnsLabels?: true;
  /** Places in the drawn inputs of those that it does not learn from, since a level of the study lacks their answers. */
  readonly leftOut?: readonly number[];
  /** What tuning chose. */
  readonly tuned?: Setting & {
    /** Of so many settings. */
    readonly tried: number;
  };
}

/** What tuning changes in a method; nothing where it came to nothing. */
export function changesBy(tuning: Tuning | undefined): MethodChanges {
  if (tuning === undefined) return {};
  const {settings, chosen} = tuning;
  return {tuned: {...settings[chosen]!, tried: settings.length}};
}

/** A method as it is trained. The same of one that has been changed already. */
export function changedMethod(method: Method, {learnsLabels, tuned}: MethodChanges): Method {
  const seen = learnsLabels ? fromLabels(method) : method;
  return tuned ? methodAt(seen, tuned) : seen;
}

/** With nothing left to tune: a label has no temperature. */
function fromLabels({tune: _, ...method}: Method): Method {
  return {...method, detail: {kind: 'label'}, losses: labelsInstead(method.losses)};
}

/** The study with its methods as they are trained. */
export function withChanges(study: Study, changes: readonly MethodChanges[]): Study {
  const methods = study.recipe.methods.map((method, place) => changedMethod(method, changes[place]!));
  return {...study, recipe: {...study.recipe, methods}};
}
