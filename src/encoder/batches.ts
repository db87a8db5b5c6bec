import {setImmediate} from 'node:timers/promises';
import type {EncodeOptions, EncoderModel, Pooling} from './encoder.ts';

/** The most tokens of a batch. The states of more don't stay in a processor's cache. */
const MOST_TOKENS = 512;

/**
 * Encodes texts in batches in which all have as many tokens. Without padding nothing is computed in vain, and a text
 * has the same bits in every batch.
 *
 * @returns float32 [texts, dimensions], each row of length 1 or of zeros
 */
export async function encodeInBatches(
  model: EncoderModel,
  texts: readonly string[],
  {dimensions, pooling}: {readonly dimensions: number; readonly pooling: Pooling},
  {signal, onProgress}: EncodeOptions = {},
): Promise<Float32Array> {
  const vectors = new Float32Array(texts.length * dimensions);
  const tokens = texts.map(text => model.tokensOf(text));
  let done = 0;
  for (const rows of batchesOf(tokens)) {
    // The engine computes in this thread: others get theirs between batches.
    await setImmediate();
    signal?.throwIfAborted();
    const batch = rows.map(row => tokens[row]!);
    const length = batch[0]!.length;
    if (length > 0) {
      const states = await model.statesOf(batch);
      for (const [index, row] of rows.entries()) {
        const own = states.subarray(index * length * dimensions, (index + 1) * length * dimensions);
        vectors.set(pooled(own, dimensions, pooling), row * dimensions);
      }
    }
    done += rows.length;
    onProgress?.(done);
  }
  return vectors;
}

/** Rows with as many tokens each, the shortest texts first. */
function batchesOf(tokens: readonly (readonly number[])[]): number[][] {
  const byLength = new Map<number, number[]>();
  for (const [row, {length}] of tokens.entries()) {
    const rows = byLength.get(length);
    if (rows === undefined) byLength.set(length, [row]);
    else rows.push(row);
  }
  const sorted = [...byLength].sort(([a], [b]) => a - b);
  return sorted.flatMap(([length, rows]) => {
    const size = Math.max(1, Math.floor(MOST_TOKENS / Math.max(1, length)));
    return Array.from({length: Math.ceil(rows.length / size)}, (_, part) => rows.slice(part * size, (part + 1) * size));
  });
}

/** @param states - float32 [tokens, dimensions] */
function pooled(states: Float32Array, dimensions: number, pooling: Pooling): Float32Array {
  const sums = new Float64Array(dimensions);
  const read = pooling === 'cls' ? states.subarray(0, dimensions) : states;
  for (let at = 0; at < read.length; at += dimensions) {
    for (let index = 0; index < dimensions; index++) sums[index]! += read[at + index]!;
  }
  const norm = Math.hypot(...sums);
  return Float32Array.from(sums, sum => (norm === 0 ? 0 : sum / norm));
}
