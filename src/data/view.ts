import {InputError} from '../errors.ts';
import {sizeOf, type TensorInputs} from './inputs.ts';
import {type RandomGenerator, randomInteger, seededRandom} from './random.ts';

/** A way to make augmented versions of inputs. The same seed makes the same version of an input, to the byte. */
export interface View {
  readonly name: string;
  /** The view of one image with `seed`, written into all of `target`, which is of the same shape and holds anything. */
  render(source: Pixels, target: Pixels, seed: number): void;
}

/** One image, row-major [height, width, channels]. */
export interface Pixels {
  readonly shape: readonly [height: number, width: number, channels: number];
  readonly data: Uint8Array | Int32Array | Float32Array;
}

export interface CropOptions {
  /**
   * The most that an image is moved in each direction; what is uncovered is zero.
   *
   * @default 2
   */
  readonly padding?: number;
}

/** Moves an image by up to `padding` pixels each way: zero padding and a random crop of the original size. */
export function crop({padding = 2}: CropOptions = {}): View {
  return {
    name: `crop ${padding}`,
    render(source, target, seed) {
      const random = seededRandom(seed, 'crop');
      move(source, target, randomInteger(random, -padding, padding), randomInteger(random, -padding, padding));
    },
  };
}

/** Mirrors half of the images left to right. */
export function flip(): View {
  return {
    name: 'flip',
    render(source, target, seed) {
      if (isHeads(seededRandom(seed, 'flip'))) mirror(source, target);
      else target.data.set(source.data);
    },
  };
}

/** One view after another, each with its own numbers from the one seed. */
export function views(...steps: readonly View[]): View {
  return {
    name: steps.map(step => step.name).join(', '),
    render(source, target, seed) {
      if (steps.length === 0) target.data.set(source.data);
      let current = source;
      for (const [index, step] of steps.entries()) {
        const next = index === steps.length - 1 ? target : {shape: source.shape, data: source.data.slice()};
        step.render(current, next, seed);
        current = next;
      }
    },
  };
}

/** The same inputs in a block of their own, each as the view of its seed. */
export function viewInputs(inputs: TensorInputs, view: View, seeds: ArrayLike<number>): TensorInputs {
  const [height, width, channels, ...more] = inputs.shape;
  if (height === undefined || width === undefined || channels === undefined || more.length > 0) {
    throw new InputError(
      `View \`${view.name}\` needs images [height, width, channels], got [${inputs.shape.join(', ')}].`,
    );
  }
  const shape = [height, width, channels] as const;
  const size = sizeOf(shape);
  const data = inputs.data.slice();
  for (let row = 0; row < inputs.count; row++) {
    const [from, to] = [row * size, (row + 1) * size];
    view.render({shape, data: inputs.data.subarray(from, to)}, {shape, data: data.subarray(from, to)}, seeds[row]!);
  }
  return {...inputs, data};
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

/** Value by value: a `set` for each pixel takes six times as long. */
function mirror({shape: [height, width, channels], data}: Pixels, target: Pixels): void {
  const mirrored = target.data;
  for (let row = 0, from = 0; row < height; row++) {
    for (let column = width - 1; column >= 0; column--) {
      const to = (row * width + column) * channels;
      for (let channel = 0; channel < channels; channel++) mirrored[to + channel] = data[from++]!;
    }
  }
}
