import {InputError} from '../errors.ts';

/** @throws InputError if an option is not a whole number of at least 1 */
export function checkCount(name: string, value: number): void {
  if (Number.isInteger(value) && value >= 1) return;
  throw new InputError(`Expected \`${name}\` to be a whole number of at least 1, got ${value}.`);
}
