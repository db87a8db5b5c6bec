import type {Feature} from '../../src/teacher.ts';
import {type FeatureReader, rowOf} from './answers.ts';
import type {NumberTensor} from './runtime.ts';

/** How the states of a text's tokens become one: their mean, or the state of the first or the last token. */
export type Pooling = 'mean' | 'first' | 'last';

/**
 * Reads features of texts, whose size must not depend on the text's length. [texts, width] is taken unchanged. [texts,
 * tokens, width] is pooled over the tokens of each text, without padding.
 *
 * @param lengths - tokens of each text
 */
export function pooledFeature(pooling: Pooling, lengths: readonly number[]): FeatureReader {
  const tokens = Math.max(...lengths);
  return (tensor, row) => {
    const {shape} = tensor;
    if (shape.length === 2) return rowOf(tensor, row);
    if (shape.length === 3 && shape[1] === tokens) return pooled(tensor, row, {pooling, length: lengths[row]!});
    return `its shape [${shape.join(', ')}] is neither [texts, width] nor [texts, tokens, width].`;
  };
}

function pooled(
  {shape, values}: NumberTensor,
  row: number,
  {pooling, length}: {readonly pooling: Pooling; readonly length: number},
): Feature {
  const [, tokens, width] = shape as [number, number, number];
  const stateOf = (token: number): Float32Array =>
    values.subarray((row * tokens + token) * width, (row * tokens + token + 1) * width);
  if (pooling !== 'mean') return {shape: [width], values: stateOf(pooling === 'first' ? 0 : length - 1).slice()};
  const sums = new Float64Array(width);
  for (let token = 0; token < length; token++) {
    const state = stateOf(token);
    for (let index = 0; index < width; index++) sums[index]! += state[index]!;
  }
  return {shape: [width], values: Float32Array.from(sums, sum => sum / length)};
}
