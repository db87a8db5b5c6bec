import {InputError} from '../errors.ts';
import {checkOptions, kinds, type NoOptions, type Shape} from '../options.ts';
import {sizeOf, type TensorInputs} from './inputs.ts';
import {mixSeed, type RandomGenerator, randomInteger, randomNormals, seededRandom} from './random.ts';

/** A way to make augmented versions of inputs. The same seed makes the same version of an input, to the byte. */
export interface View {
  readonly name: string;
  /**
   * True if the view also shows another image of the same set, its partner. Then it belongs to no single class, and
   * only a teacher that is asked about it can label it.
   *
   * @default false
   */
  readonly takesPartner?: boolean;
  /**
   * True if the view changes each value independently, so that it works for tensors of every shape. It then gets a
   * tensor as one pixel with a channel for each value.
   *
   * @default false
   */
  readonly isElementwise?: boolean;
  /**
   * Writes the view of one image with `seed` into `target`, which has the same shape. It overwrites all of `target`.
   *
   * @param partner - another image of that shape, if the view takes one
   */
  render(source: Pixels, target: Pixels, seed: number, partner?: Pixels): void;
}

/** One image, row-major [height, width, channels]. */
export interface Pixels {
  readonly shape: readonly [height: number, width: number, channels: number];
  readonly data: Uint8Array | Int32Array | Float32Array;
}

export interface CropOptions {
  /**
   * The most pixels that an image moves in each direction. Uncovered pixels are zero.
   *
   * @default 2
   */
  readonly padding?: number;
}

const CROP_KINDS = {padding: kinds.number} satisfies Shape<CropOptions>;

/** Moves an image by up to `padding` pixels in each direction: zero padding and a random crop of the original size. */
export function crop(options: CropOptions = {}): View {
  checkOptions('crop', options, CROP_KINDS);
  const {padding = 2} = options;
  return {
    name: `crop ${padding}`,
    render(source, target, seed) {
      const random = seededRandom(seed, 'crop');
      move(source, target, randomInteger(random, -padding, padding), randomInteger(random, -padding, padding));
    },
  };
}

/** Mirrors half of the images left to right. */
export function flip(options: NoOptions = {}): View {
  checkOptions('flip', options, {});
  return {
    name: 'flip',
    render(source, target, seed) {
      if (isHeads(seededRandom(seed, 'flip'))) mirror(source, target);
      else target.data.set(source.data);
    },
  };
}

/**
 * Applies several views in order. Each draws its own numbers from the one seed. A partner that one of them takes first
 * goes through the views before it, with its own numbers.
 *
 * @throws InputError if more than one view takes a partner
 */
export function views(...steps: readonly View[]): View {
  const mixing = steps.filter(({takesPartner}) => takesPartner);
  if (mixing.length > 1) {
    throw new InputError(
      `Only one of several views can take a partner, and ${mixing.map(({name}) => name).join(' and ')} do. Leave one out.`,
    );
  }
  const before = mixing.length > 0 ? views(...steps.slice(0, steps.indexOf(mixing[0]!))) : undefined;
  return {
    name: steps.map(step => step.name).join(', '),
    ...(before && {takesPartner: true}),
    ...(steps.every(({isElementwise}) => isElementwise) && {isElementwise: true}),
    render(source, target, seed, partner) {
      if (steps.length === 0) target.data.set(source.data);
      const other = before && partner && blank(partner);
      if (other) before.render(partner, other, mixSeed(seed, 'partner'));
      let current = source;
      for (const [index, step] of steps.entries()) {
        const next = index === steps.length - 1 ? target : blank(source);
        step.render(current, next, seed, other);
        current = next;
      }
    },
  };
}

function blank({shape, data}: Pixels): Pixels {
  return {shape, data: data.slice()};
}

/**
 * Copies the inputs into a new block, each as the view of its seed.
 *
 * @param partners - row i is the partner of input i, if the view takes one
 * @throws InputError if the inputs are not images
 */
export function viewInputs(
  inputs: TensorInputs,
  view: View,
  seeds: ArrayLike<number>,
  partners?: TensorInputs,
): TensorInputs {
  const viewed = {...inputs, data: inputs.data.slice()};
  const [sources, targets] = [imagesOf(inputs, view), imagesOf(viewed, view)];
  const others = partners && imagesOf(partners, view);
  for (let row = 0; row < inputs.count; row++) view.render(sources(row), targets(row), seeds[row]!, others?.(row));
  return viewed;
}

/**
 * Returns single images, which share the memory of their block.
 *
 * @throws InputError if the inputs are not images
 */
export function imagesOf({shape: lengths, data}: TensorInputs, {name, isElementwise}: View): (row: number) => Pixels {
  const isOther = isElementwise && lengths.length !== 3;
  const [height, width, channels, ...more] = isOther ? [1, 1, sizeOf(lengths)] : lengths;
  if (height === undefined || width === undefined || channels === undefined || more.length > 0) {
    throw new InputError(`View \`${name}\` needs images [height, width, channels], got [${lengths.join(', ')}].`);
  }
  const shape = [height, width, channels] as const;
  const size = sizeOf(shape);
  return row => ({shape, data: data.subarray(row * size, (row + 1) * size)});
}

/** Draws the partner of an input from all other inputs, by the seed of its view. */
export function partnerOf(row: number, count: number, seed: number): number {
  if (count < 2) throw new InputError('A view that takes a partner needs at least two inputs. Give it more.');
  const other = randomInteger(seededRandom(seed, 'partner'), 0, count - 2);
  return other < row ? other : other + 1;
}

function isHeads(random: RandomGenerator): boolean {
  return randomInteger(random, 0, 1) === 1;
}

function move({shape: [height, width, channels], data}: Pixels, target: Pixels, down: number, right: number): void {
  target.data.fill(0);
  const columns = width - Math.abs(right);
  if (columns <= 0) return;
  const from = Math.max(0, -right);
  const to = Math.max(0, right);
  for (let row = Math.max(0, down); row < Math.min(height, height + down); row++) {
    const start = ((row - down) * width + from) * channels;
    target.data.set(data.subarray(start, start + columns * channels), (row * width + to) * channels);
  }
}

/** Copies value by value, because a `set` for each pixel takes six times as long. */
function mirror({shape: [height, width, channels], data}: Pixels, target: Pixels): void {
  const mirrored = target.data;
  for (let row = 0, from = 0; row < height; row++) {
    for (let column = width - 1; column >= 0; column--) {
      const to = (row * width + column) * channels;
      for (let channel = 0; channel < channels; channel++) mirrored[to + channel] = data[from++]!;
    }
  }
}

export interface NoiseOptions {
  /**
   * Standard deviation, above 0, in the units of the raw values. For example, 0.3 of the range of pixels in bytes is
   * 76.5.
   */
  readonly deviation: number;
}

const NOISE_KINDS = {deviation: kinds.number} satisfies Shape<NoiseOptions>;

/**
 * Adds independent Gaussian noise to every value of a tensor. Whole numbers are rounded to whole numbers, and bytes
 * are clipped to the range from 0 to 255.
 *
 * @throws InputError if the deviation is not a number above 0
 */
export function noise(options: NoiseOptions): View {
  checkOptions('noise', options, NOISE_KINDS, ['deviation']);
  const {deviation} = options;
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
