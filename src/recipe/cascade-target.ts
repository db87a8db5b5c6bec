import {type CascadeTarget, calibrationSize} from '../evaluate/guarantee.ts';
import type {Recipe} from './recipe.ts';

/** The promise that a recipe's cascades are to keep; undefined if nothing is promised. */
export function cascadeTarget({calibration}: Pick<Recipe, 'calibration'>): CascadeTarget | undefined {
  const {agreement, confidence = 0.95} = calibration ?? {};
  return agreement === undefined ? undefined : {agreement, confidence};
}

/** How many of so many answers are set apart to calibrate a recipe's students. */
export function setApart(recipe: Pick<Recipe, 'calibration'>, answers: number): number {
  const target = cascadeTarget(recipe);
  return target === undefined ? 0 : calibrationSize(answers, target, recipe.calibration?.share);
}
