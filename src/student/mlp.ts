import {layers} from '../engine/tf.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
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

const KINDS = {units: kinds.numbers} satisfies Shape<MlpOptions>;

/**
 * A multi-layer perceptron over inputs of any shape. Layers: `flatten` (omitted for a single axis), `dense_1`, …,
 * `logits`.
 */
export function mlp(options: MlpOptions = {}): StudentBuilder {
  checkOptions('mlp', options, KINDS);
  const {units = [64]} = options;
  checkWidths('units', units);
  return (task, seed) =>
    classifier('mlp', task, seed, input => {
      const flat = task.inputShape.length === 1 ? input : through(input, layers.layers.flatten({name: 'flatten'}));
      return through(flat, ...hiddenLayers(units, seed));
    });
}
