import {InputError} from '../errors.ts';
import {randomNormals, seededRandom} from './random.ts';
import type {View} from './view.ts';

export interface NoiseOptions {
  /**
   * Standard deviation, above 0, in the units of the raw values. For example, 0.3 of the range of pixels in bytes is
   * 76.5.
   */
  readonly deviation: number;
}

/**
 * Adds independent Gaussian noise to every value of a tensor. Whole numbers are rounded to whole numbers, and bytes
 * are clipped to the range from 0 to 255.
 *
 * @throws InputError if the deviation is not a number above 0
 */
export function noise({deviation}: NoiseOptions): View {
  if (!(deviation > 0 && deviation < Number.POSITIVE_INFINITY)) {
    throw new InputError(`Expected \`deviation\` of noise to be a number above 0, got ${deviation}.`);
  }
  return {
    name: `noise ${deviation}`,
    isElementwise: true,
    render({data: values}, {data: target}, seed) {
      const added = randomNormals(seededRandom(seed, 'noise'), values.length);
      const fitted = fittingTo(target);
      for (let index = 0; index < values.length; index++) {
        target[index] = fitted(values[index]! + deviation * added[index]!);
      }
    },
  };
}

const MOST_INTEGER = 2 ** 31 - 1;

function fittingTo(values: Uint8Array | Int32Array | Float32Array): (value: number) => number {
  if (values instanceof Float32Array) return value => value;
  const [least, most] = values instanceof Uint8Array ? [0, 255] : [-MOST_INTEGER - 1, MOST_INTEGER];
  return value => Math.min(most, Math.max(least, Math.round(value)));
}
