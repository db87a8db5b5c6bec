import {setImmediate} from 'node:timers/promises';
import type {EncodeOptions, EncoderModel, Pooling} from './encoder.ts';

/** The most tokens of a batch. The states of more don't stay in a processor's cache. */
const MOST_TOKENS = 1024;

/**
 * Encodes texts in batches. Those in one batch are about equally long.
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
  for (const rows of batchesOf(tokens, model.step)) {
    // The engine computes in this thread: others get theirs between batches.
    await setImmediate();
    signal?.throwIfAborted();
    const batch = rows.map(row => tokens[row]!);
    if (batch[0]!.length > 0) {
      const states = await model.statesOf(batch);
      let start = 0;
      for (const [index, row] of rows.entries()) {
        const end = start + batch[index]!.length * dimensions;
        vectors.set(pooled(states.subarray(start, end), dimensions, pooling), row * dimensions);
        start = end;
      }
    }
    done += rows.length;
    onProgress?.(done);
  }
  return vectors;
}

/** Rows that can share a batch, the shortest texts first; texts without tokens are by themselves. */
function batchesOf(tokens: readonly (readonly number[])[], step: number): number[][] {
  const byLength = new Map<number, number[]>();
  for (const [row, {length}] of tokens.entries()) {
    const rounded = Math.ceil(length / step);
    const rows = byLength.get(rounded);
    if (rows === undefined) byLength.set(rounded, [row]);
    else rows.push(row);
  }
  const sorted = [...byLength].sort(([a], [b]) => a - b);
  return sorted.flatMap(([, rows]) => inParts(rows, row => tokens[row]!.length));
}

function inParts(rows: readonly number[], lengthOf: (row: number) => number): number[][] {
  const parts: number[][] = [];
  let left = 0;
  for (const row of rows) {
    left -= lengthOf(row);
    if (parts.length > 0 && left >= 0) parts.at(-1)!.push(row);
    else {
      parts.push([row]);
      left = MOST_TOKENS - lengthOf(row);
    }
  }
  return parts;
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
