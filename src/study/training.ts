import {isLabelled} from '../data/split.ts';
import {LimbeckError} from '../errors.ts';
import type {ResolvedRecipe} from '../recipe/resolve.ts';
import type {Student, StudentBuilder} from '../student/student.ts';
import type {Epoch, TrainOptions} from '../train/options.ts';
import type {OpenMethod} from './methods.ts';
import type {CurvePoint} from './results.ts';
import type {Study} from './study.ts';

/** A student before its first step. The same seed gives the same weights. */
export function freshStudent({task}: ResolvedRecipe, build: StudentBuilder, seed: number): Student {
  return build(task, seed);
}

/** The options by which every student of a method is trained. */
export function trainOptions(
  {recipe, signal}: Study,
  {losses, viewing}: OpenMethod,
  seed: number,
  onStep: ((step: number, steps: number) => void) | undefined,
): TrainOptions {
  const {training, data} = recipe;
  return {
    ...training,
    ...viewing,
    losses,
    seed,
    validation: isLabelled(data) ? data.validation : undefined,
    signal,
    onStep: onStep && (({step, steps}) => onStep(step, steps)),
  };
}

/** An epoch as a point of a run's curve. */
export function pointOf({epoch, step, loss, validation}: Epoch): CurvePoint {
  return {epoch, step, loss, validationAccuracy: validation?.accuracy ?? null};
}

/** Why a training came to nothing. */
export interface Failure {
  readonly failure: string;
}

/** An error that a training may end with is an outcome; an abort, and a fault of the program's own, end the study. */
export function failureOf({signal}: Pick<Study, 'signal'>): (error: unknown) => Failure {
  return error => {
    signal?.throwIfAborted();
    if (error instanceof LimbeckError) return {failure: error.message};
    throw error;
  };
}
