import {layers} from '../engine/tf.ts';
import {checkWidths, classifier, hiddenLayers, through} from './building-blocks.ts';
import type {StudentBuilder} from './student.ts';

export interface MlpOptions {
  /**
   * Widths of the hidden layers, each followed by a ReLU. None makes a linear model.
   *
   * @default [64]
   */
  readonly units?: readonly number[];
}

/**
 * A multi-layer perceptron over inputs of any shape. Layers: `flatten` (omitted for a single axis), `dense_1`, …,
 * `logits`.
 */
export function mlp({units = [64]}: MlpOptions = {}): StudentBuilder {
  checkWidths('units', units);
  return (task, seed) =>
    classifier('mlp', task, seed, input => {
      const flat = task.inputShape.length === 1 ? input : through(input, layers.layers.flatten({name: 'flatten'}));
      return through(flat, ...hiddenLayers(units, seed));
    });
}
