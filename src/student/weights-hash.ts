import {createHash} from 'node:crypto';
import {bytesOf} from '../data/arrays.ts';
import type {layers} from '../engine/tf.ts';
import type {Student} from './student.ts';

/**
 * SHA-256 over the names, shapes and bytes of all weights, in the order of their names, in hexadecimal. It is the same
 * for a student and its copy loaded from disk, and differs after any change of a weight.
 */
export function weightsHash({model}: Pick<Student, 'model'> & Partial<Student>): string {
  const hash = createHash('sha256');
  const weights = model.weights.map(weight => ({name: weight.originalName, value: weight.read()}));
  weights.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const {name, value} of weights) {
    hash.update(`${JSON.stringify([name, value.shape, value.dtype])}\n`);
    hash.update(bytesOf(value.dataSync<'float32'>()));
  }
  return hash.digest('hex');
}

/** SHA-256 over the model's layers, their connections and settings, without initial seeds, in hexadecimal. */
export function architectureHash(model: layers.LayersModel): string {
  const config = JSON.stringify(model.getConfig(), (key, value) => (key.endsWith('Initializer') ? undefined : value));
  return createHash('sha256').update(config).digest('hex');
}
