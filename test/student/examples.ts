import type {TensorInputs} from '../../src/data/inputs.ts';
import {randomInteger, seededRandom} from '../../src/data/random.ts';
import {mlp} from '../../src/student/mlp.ts';
import type {Student, Task} from '../../src/student/student.ts';

export const tenClasses: readonly string[] = Array.from({length: 10}, (_, index) => `digit ${index}`);

/** A task on small images of one byte a pixel. */
export function imageTask(inputShape: readonly number[]): Task {
  return {classes: tenClasses, inputShape, preprocessing: {scale: 1 / 255, mean: 0.5}, dtype: 'uint8'};
}

/** Random images. */
export function images(count: number, shape: readonly number[], seed = 1): TensorInputs {
  const random = seededRandom(seed);
  const size = shape.reduce((product, length) => product * length, count);
  const data = Uint8Array.from({length: size}, () => randomInteger(random, 0, 255));
  return {kind: 'tensor', dtype: 'uint8', shape, count, data};
}

/** A small student on 4 x 4 images. */
export function smallStudent(seed = 1): Student {
  return mlp({units: [8]})(imageTask([4, 4, 1]), seed);
}

/** How many weights are trained, and how many there are. */
export function parameters({model}: Student): {readonly trained: number; readonly all: number} {
  const count = (weights: typeof model.weights) =>
    weights.reduce((sum, {shape}) => sum + shape.reduce<number>((product, length) => product * length!, 1), 0);
  return {trained: count(model.trainableWeights), all: count(model.weights)};
}
