import {thresholdFor} from '../evaluate/calibration.ts';
import {fitTemperature} from '../knowledge/fit-temperature.ts';
import type {CalibrationOptions} from '../recipe/recipe.ts';
import type {Calibration} from '../student/student.ts';
import type {CrossFit} from './cross-fit.ts';

/** Calibrates by what was said of inputs that nothing was learned from, see `CalibrationOptions`. */
export function calibrate(
  {logits, labels}: CrossFit,
  classes: number,
  {agreement}: Pick<CalibrationOptions, 'agreement'> = {},
): Calibration {
  const temperature = fitTemperature(logits, labels, classes);
  if (agreement === undefined) return {temperature};
  return {temperature, threshold: thresholdFor(logits, labels, classes, {temperature, agreement})};
}
