import {type RowSelection, TrainedRows} from '../engine/row-kernels.ts';
import {tf} from '../engine/tf.ts';
import {variableOf, zerosLike} from '../engine/updates.ts';

/** Moves some rows of a matrix in each step. The matrix and its state are outside of the engine between two `sync`. */
export interface RunningRowOptimizer {
  /** The state variables, for checkpoints. */
  readonly slots: readonly tf.Variable[];
  /** The sums of the selected rows as they are now, [count, width]. */
  sums(selection: RowSelection): Float32Array;
  /** Moves the selected rows by the gradient of their sums, [count, width]. */
  apply(selection: RowSelection, gradient: Float32Array, learningRate: number): void;
  /** Updates the matrix, or also the slots. */
  sync(variables: 'weights' | 'all'): void;
  dispose(): void;
}

/** A matrix and its averages. */
const MATRICES = [0, 1, 2] as const;

/**
 * Adam (Kingma and Ba 2015, algorithm 1) that moves a row and its averages only in the steps that give it a gradient, as
 * PyTorch's `SparseAdam` does. A row that a step does not touch costs nothing.
 */
export function startLazyAdam(
  matrix: tf.Variable,
  options: {readonly beta1: number; readonly beta2: number; readonly epsilon: number},
): RunningRowOptimizer {
  const [height, width] = matrix.shape as [number, number];
  const variables = [matrix, zerosLike(matrix), zerosLike(matrix)];
  const steps = variableOf(() => tf.scalar(0));
  // As 32-bit floats, so that 1 − β is the same number in the averages and in their corrections.
  const [rate1, rate2] = [Math.fround(1 - options.beta1), Math.fround(1 - options.beta2)];
  let rows: TrainedRows | undefined;
  let step = 0;
  /** Read at the first step, which can be one after a checkpoint. */
  const open = (): TrainedRows => {
    if (rows !== undefined) return rows;
    rows = new TrainedRows(height, width);
    for (const index of MATRICES) rows.write(index, variables[index]!.dataSync<'float32'>());
    [step] = steps.dataSync<'float32'>() as unknown as [number];
    return rows;
  };
  return {
    slots: [...variables.slice(1), steps],
    sums: selection => open().sums(selection),
    apply(selection, gradient, learningRate) {
      const own = open();
      step++;
      // η (m / c₁) / (√(v / c₂) + ε), with the corrections moved out of the averages.
      const secondScale = Math.sqrt(1 - (1 - rate2) ** step);
      const stepSize = (learningRate * secondScale) / (1 - (1 - rate1) ** step);
      own.adam(selection, gradient, {rate1, rate2, stepSize, epsilon: options.epsilon * secondScale});
    },
    sync(which) {
      if (rows === undefined) return;
      tf.tidy(() => {
        for (const index of which === 'all' ? MATRICES : ([0] as const)) {
          variables[index]!.assign(tf.tensor(rows!.read(index), matrix.shape));
        }
        steps.assign(tf.scalar(step));
      });
    },
    dispose: () => tf.dispose([...variables.slice(1), steps]),
  };
}
