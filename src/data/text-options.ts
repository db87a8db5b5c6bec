import {InputError} from '../errors.ts';

/** @throws InputError if an option is not a whole number in that range */
export function checkCount(name: string, value: number, least: number, greatest: number): void {
  if (!isCount(value, least, greatest)) refuse(name, `a whole number from ${least} to ${greatest}`, value);
}

export function isCount(value: number, least: number, greatest: number): boolean {
  return Number.isInteger(value) && value >= least && value <= greatest;
}

/** @throws InputError always */
export function refuse(name: string, range: string, value: unknown): never {
  throw new InputError(`Expected \`${name}\` to be ${range}, got ${value}.`);
}
