import {isLabelled} from '../data/split.ts';
import type {Method} from '../recipe/recipe.ts';
import type {Student, StudentBuilder} from '../student/student.ts';
import type {Epoch, TrainOptions} from '../train/options.ts';
import type {CurvePoint} from './results.ts';
import type {Study} from './study.ts';
import {taskOf} from './task.ts';
import {viewingOf} from './viewing.ts';

/** A student before its first step. The same seed gives the same weights. */
export function freshStudent(
  {recipe, data}: Pick<Study, 'recipe' | 'data'>,
  build: StudentBuilder,
  seed: number,
): Student {
  return build(taskOf(data, recipe.preprocessing), seed);
}

/** How every student of a run is trained. */
export function trainOptions(
  study: Study,
  method: Method,
  seed: number,
  onStep: ((step: number, steps: number) => void) | undefined,
): TrainOptions {
  const {recipe, data, signal} = study;
  return {
    ...recipe.training,
    ...viewingOf(study, method),
    losses: method.losses,
    seed,
    ...(isLabelled(data) && {validation: data.validation}),
    ...(signal && {signal}),
    ...(onStep && {onStep: ({step, steps}) => onStep(step, steps)}),
  };
}

/** An epoch as a point of a run's curve. */
export function pointOf({epoch, step, loss, validation}: Epoch): CurvePoint {
  return {epoch, step, loss, validationAccuracy: validation?.accuracy ?? null};
}
