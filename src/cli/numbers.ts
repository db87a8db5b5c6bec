import {InvalidArgumentError} from 'commander';
import {readDuration} from '../duration.ts';

/** Reads a whole number from the command line. */
export function wholeNumber(text: string): number {
  if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(Number(text)))
    throw new InvalidArgumentError('Give a whole number.');
  return Number(text);
}

export function positive(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('Give a whole number above 0.');
  return Number(text);
}

export function port(text: string): number {
  if (!/^\d+$/.test(text) || Number(text) > 65_535) throw new InvalidArgumentError('Give a number from 0 to 65535.');
  return Number(text);
}

/** Reads a share, such as `2%` or 0.02. A bare 1 is refused, because it could mean 1 %. */
export function share(text: string): number {
  const [, number = '', sign] = /^(\d+(?:\.\d+)?|\.\d+)\s*(%?)$/.exec(text) ?? [];
  const value = sign === '%' ? Number(number) / 100 : Number(number);
  const isShare = number !== '' && value <= 1 && (sign === '%' || value < 1);
  if (!isShare) throw new InvalidArgumentError('Give a share, such as 2% or 0.02.');
  return value;
}

/** Reads a duration, such as `90s` or `10m`, in milliseconds. */
export function duration(text: string): number {
  const milliseconds = readDuration(text);
  if (milliseconds === undefined) throw new InvalidArgumentError('Give a duration, such as 90s, 10m or 1h.');
  return milliseconds;
}
