import {InputError} from '../errors.ts';

/** @throws InputError if a value can't be the share of a whole */
export function checkShare(name: string, value: number): void {
  if (value >= 0 && value <= 1) return;
  throw new InputError(`Expected \`${name}\` to be from 0 to 1, got ${value}.`);
}

/** @throws InputError if a value can't be the weight of a part */
export function checkPartWeight(name: string, value: number): void {
  if (value >= 0 && Number.isFinite(value)) return;
  throw new InputError(`Expected \`${name}\` to be a number of at least 0, got ${value}.`);
}

/** @throws InputError if a value can't be the number of decimals of rounded probabilities */
export function checkDecimals(decimals: number): void {
  if (Number.isInteger(decimals) && decimals >= 1 && decimals <= 7) return;
  throw new InputError(`Expected \`decimals\` to be a whole number from 1 to 7, got ${decimals}.`);
}
