import {InputError} from '../errors.ts';

/** Refuses a temperature that no softmax can have. */
export function checkTemperature(temperature: number): void {
  if (temperature > 0 && Number.isFinite(temperature)) return;
  throw new InputError(`Expected \`temperature\` to be a number above 0, got ${temperature}.`);
}
