import {CompiledCalls} from '../compiled/compiled-calls.ts';
import {tf} from '../tf.ts';
import type {GraphNumbers} from './graph.ts';

/** Computes outputs of rows by a compiled graph of TensorFlow. */
export class CompiledOutputs {
  readonly calls: CompiledCalls = new CompiledCalls();
  /** Shapes of the outputs for one row, by the shape of a row. */
  readonly #shapes = new Map<string, readonly number[][]>();

  /**
   * @param rows - [count, ...shape]
   * @param hasFixedCount - true if `outputs` takes no other number of rows
   * @param outputs - the function of the rows, which gives outputs of [count, ...]
   * @throws Error of `outputs`, or if an output has another number of rows
   */
  run(rows: tf.Tensor, hasFixedCount: boolean, outputs: (rows: tf.Tensor) => tf.Tensor[]): GraphNumbers[] {
    const key = rows.shape.slice(1).join();
    const joined = (given: tf.Tensor): tf.Tensor => {
      const parts = outputs(given);
      this.#shapes.set(
        key,
        parts.map(({shape}) => shape.slice(1)),
      );
      return joinedRows(parts, given.shape[0]!);
    };
    const run = (given: tf.Tensor): tf.Tensor => tf.tidy(() => joined(given));
    const all = hasFixedCount ? this.calls.call([rows], () => run(rows)) : this.calls.callRows(rows, run);
    try {
      return partedRows(all.dataSync<'float32'>(), rows.shape[0]!, this.#shapes.get(key)!);
    } finally {
      all.dispose();
    }
  }
}

/** [count, width]: the outputs side by side. */
function joinedRows(parts: readonly tf.Tensor[], count: number): tf.Tensor {
  const flat = parts.map(part => {
    if (part.shape[0] !== count) throw new Error('an output has not one part for each input');
    return tf.reshape(tf.cast(part, 'float32'), [count, part.size / count]);
  });
  return flat.length === 1 ? flat[0]! : tf.concat(flat, 1);
}

function partedRows(all: Float32Array, count: number, shapes: readonly (readonly number[])[]): GraphNumbers[] {
  const width = all.length / count;
  let start = 0;
  return shapes.map(shape => {
    const size = tf.util.sizeFromShape([...shape]);
    const data = new Float32Array(count * size);
    for (let row = 0; row < count; row++) {
      const from = row * width + start;
      data.set(all.subarray(from, from + size), row * size);
    }
    start += size;
    return {shape: [count, ...shape], data};
  });
}
