import type {SparseRows} from '../data/sparse-rows.ts';
import {tf} from '../engine/tf.ts';
import {type EmbeddingBag, sumsOf} from '../student/embedding-bag.ts';
import type {RunningRowOptimizer} from './lazy-adam.ts';
import type {EnteredBatch, Stepper} from './step.ts';

/**
 * Trains the embedding bag of a student beside its other layers. The other layers' step takes the sums of the bag and
 * gives their gradient. Only the rows of the kernel that a batch counts are read and moved.
 *
 * @param optimizer - undefined if the kernel is frozen
 */
export function lazyStepper(
  rest: Stepper<EnteredBatch>,
  bag: EmbeddingBag,
  optimizer: RunningRowOptimizer | undefined,
): Stepper {
  return {
    run({raw, targets}, settings) {
      const rows = raw as SparseRows;
      const sums = optimizer ? tf.tensor2d(optimizer.sums(rows), [rows.count, bag.units]) : sumsOf(bag, rows);
      const given = rest.run({raw: sums, targets}, settings);
      sums.dispose();
      const losses = given.length - sums.size;
      optimizer?.apply(rows, given.subarray(losses), settings.learningRate);
      return given.subarray(0, losses);
    },
    sync(variables) {
      rest.sync(variables);
      optimizer?.sync(variables);
    },
    dispose: () => rest.dispose(),
  };
}
